"""How the jobs of a run stand, as one artifact that is updated in place."""

import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

from prefect import get_client
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey
from prefect.runtime import flow_run

from tasks.job import JobResult
from tasks.state_chart import STATES, Sample, chart

UPDATE_SECONDS = 10.0


class JobProgress:
    """The artifact of a run's jobs: counts by state and their course, and in the end what became of each job.

    Prefect's pages do not refresh themselves; another artifact of the same key would be another version, so this one
    is updated. Made inside of a flow run.

    Args:
        key: Key of the artifact: lower-case letters, digits and dashes. One of the run that is there is updated.
        count: How many jobs there are.
    """

    def __init__(self, key: str, count: int) -> None:
        self._begun = self._shown = time.monotonic()
        self.samples = [Sample(0.0, {"SUBMITTED": count})]
        self._vcpu_hours = ""
        self._artifact = _artifact_of_the_run(key) or _new_artifact(key, self.markdown())

    def show(self, results: Iterable[JobResult]) -> None:
        """Take a look at the jobs up, and update the artifact if the last time is long enough ago.

        Args:
            results: All jobs; the children of array jobs are counted in place of their parents.
        """
        now = time.monotonic()
        results = list(results)
        self.samples.append(Sample(now - self._begun, counted(results)))
        self._vcpu_hours = vcpu_hours_of(results)
        if now - self._shown >= UPDATE_SECONDS:
            self._shown = now
            # Whatever the server answers: an artifact that is out of date must not end a watch.
            with suppress(Exception):
                self._update(self.markdown())

    def show_now(self) -> None:
        """Update the artifact: nothing will be shown for a while."""
        self._update(self.markdown())

    def finish(self, markdown: str) -> None:
        """Show the end: a report, with the course of the jobs under it."""
        self._update(f"{markdown}\n\n{chart(self.samples)}")

    def markdown(self) -> str:
        """Counts and course."""
        counts = self.samples[-1].counts
        lines = [
            "# Jobs",
            "",
            f"As of {datetime.now(UTC):%H:%M:%S} UTC; reload the page for later figures.",
            "",
            chart(self.samples),
            "",
            "| state | jobs |",
            "|---|---|",
            *(f"| {state} | {counts[state]} |" for state in STATES if counts.get(state)),
            "",
            self._vcpu_hours,
        ]
        return "\n".join(lines)

    def _update(self, markdown: str) -> None:
        with get_client(sync_client=True) as client:
            client.update_artifact(self._artifact, ArtifactUpdate(data=markdown))


def counted(results: Iterable[JobResult]) -> dict[str, int]:
    """Jobs by state.

    Args:
        results: The jobs; of an array job its children count.
    """
    counts: Counter[str] = Counter()
    for result in results:
        counts.update(result.children or {result.status: 1})
    return dict(counts)


def vcpu_hours_of(results: Iterable[JobResult]) -> str:
    """What jobs have taken, in words.

    Args:
        results: The jobs; those of array jobs are not known.
    """
    results = list(results)
    least = "at least " if any(result.children for result in results) else ""
    arrays = ", array jobs not counted" if least else ""
    return f"vCPU hours: {least}{sum(result.vcpu_hours for result in results):,.2f}{arrays}"


def _artifact_of_the_run(key: str) -> UUID | None:
    """The one that an earlier execution of the flow run made."""
    made = ArtifactFilter(
        key=ArtifactFilterKey(any_=[key]), flow_run_id=ArtifactFilterFlowRunId(any_=[UUID(str(flow_run.id))])
    )
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=made)
    return found[0].id if found else None


def _new_artifact(key: str, markdown: str) -> UUID:
    # Outside of async code it answers with the id, which its annotation leaves open.
    return cast(UUID, create_markdown_artifact(markdown, key=key, description="How the jobs stand."))

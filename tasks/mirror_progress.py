"""How far the copies of a run are, as artifacts that are updated while they go."""

import contextvars
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, Self, cast
from uuid import UUID

from prefect import get_client
from prefect.artifacts import create_markdown_artifact, create_progress_artifact
from prefect.client.schemas.actions import ArtifactUpdate

from registry.progress import Progress, Report
from registry.progress_bar import megabytes
from registry.tally import Tally

UPDATE_SECONDS = 3.0
_WORTH_A_LINE = 1_000_000

Logger = logging.Logger | logging.LoggerAdapter[Any]
State = Literal["waiting", "copying", "done", "failed", "not tried"]
Copy = tuple[str, str]


class MirrorProgress:
    """The progress artifacts of a run: a table of images (bytes, rate, blobs), and the whole as a percentage.

    Prefect's UI draws a progress artifact as a number only, so the table is a markdown artifact, updated in place:
    another artifact of the key would be another version. One thread updates both every few seconds, however many
    blobs are on their way. A context manager, inside of a flow run.

    Args:
        key: Key of the table: lower-case letters, digits and dashes. That of the percentage ends in -percent.
        copies: Image and private repository of each copy, in the order of the table.
        update_seconds: How often both are updated.
    """

    def __init__(self, key: str, copies: Sequence[Copy], update_seconds: float = UPDATE_SECONDS) -> None:
        self._key = key
        self._update_seconds = update_seconds
        self._states: dict[Copy, State] = dict.fromkeys(copies, "waiting")
        self._tallies: dict[Copy, Tally] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._table: UUID | None = None
        self._percent: UUID | None = None

    def __enter__(self) -> Self:
        # Outside of async code they answer with the id, which their annotations leave open.
        description = "How far the copies are."
        table = create_markdown_artifact(self.markdown(), key=self._key, description=description)
        percent = create_progress_artifact(self.percent, key=f"{self._key}-percent", description=description)
        self._table, self._percent = cast(UUID, table), cast(UUID, percent)
        # The context tells Prefect's client which server to talk to.
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=lambda: context.run(self._keep_updated), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for copy, state in list(self._states.items()):
            if state == "waiting":
                self._states[copy] = "not tried"
        self._stop.set()
        if self._thread:
            self._thread.join()

    @contextmanager
    def copying(self, image: str, repository: str, logger: Logger) -> Iterator[Report]:
        """Show an image as being copied, and then how that ended.

        Args:
            image: The image, as it was named in the beginning.
            repository: The private repository that it is copied to.
            logger: Of the run that copies it; gets one line for each blob of a megabyte and more that arrived.

        Yields:
            What to call for each step of the copy.
        """
        copy = (image, repository)
        tally = self._tallies[copy] = Tally()
        self._states[copy] = "copying"

        def report(progress: Progress) -> None:
            tally.add(progress)
            if progress.state == "copied" and progress.size >= _WORTH_A_LINE:
                count = f"{tally.blobs_done} of {tally.blobs} blobs"
                logger.info("%s: %s MB arrived, %s", progress.digest[:19], megabytes(progress.size), count)

        try:
            yield report
        except BaseException:
            self._states[copy] = "failed"
            raise
        self._states[copy] = "done"

    def markdown(self) -> str:
        """The table."""
        ended = sum(state not in ("waiting", "copying") for state in self._states.values())
        lines = [
            "# Copies",
            "",
            f"{ended} of {len(self._states)} images ended, {self.percent:.0f} % of the work. "
            f"As of {datetime.now(UTC):%H:%M:%S} UTC; reload the page for later figures.",
            "",
            "| image | state | bytes | rate | blobs | were there |",
            "|---|---|---|---|---|---|",
        ]
        return "\n".join(lines + [self._row(copy, state) for copy, state in list(self._states.items())])

    @property
    def percent(self) -> float:
        """The mean of what each image has behind it, from 0 to 100."""
        shares = [self._share(copy) for copy in list(self._states)]
        return 100 * sum(shares) / len(shares) if shares else 100.0

    def _share(self, copy: Copy) -> float:
        tally = self._tallies.get(copy)
        if self._states[copy] == "done":
            return 1.0
        return min(tally.done / tally.size, 1.0) if tally and tally.size else 0.0

    def _row(self, copy: Copy, state: State) -> str:
        image, tally = self._name(copy), self._tallies.get(copy)
        if tally is None:
            return f"| {image} | {state} | | | | |"
        if state == "copying":
            cells = [f"{self._share(copy):.0%}", _size(tally), f"{megabytes(tally.rate)} MB/s"]
        else:
            cells = [state, _size(tally), ""]
        cells += [f"{tally.blobs_done} of {tally.blobs}", str(tally.blobs_skipped)]
        return f"| {image} | {' | '.join(cells)} |"

    def _name(self, copy: Copy) -> str:
        """The image alone where that says which copy is meant: the page is narrow."""
        image, repository = copy
        is_one = sum(other == image for other, _ in self._states) == 1
        return image if is_one else f"{image} to {repository}"

    def _keep_updated(self) -> None:
        while not self._stop.wait(self._update_seconds):
            self._update()
        self._update()

    def _update(self) -> None:
        # Whatever the server answers: an artifact that is out of date must not stop a copy.
        with suppress(Exception), get_client(sync_client=True) as client:
            if self._table and self._percent:
                client.update_artifact(self._table, ArtifactUpdate(data=self.markdown()))
                client.update_artifact(self._percent, ArtifactUpdate(data=round(self.percent, 1)))


def _size(tally: Tally) -> str:
    return f"{megabytes(tally.done)} of {megabytes(tally.size)} MB"

"""mirror_images as a flow: all that can be copied is, what is missing is said, a rerun copies only that."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import State

from blocks.eks_cluster import EksCluster
from flows.mirror import mirror_images
from sandbox.remote import RemoteSandbox
from specs.job_definition import JobDefinitionSpec
from specs.mirror import MirrorImage, MirrorRepositories
from tasks.job_definition import ensure_job_definition, newest_revision
from tasks.mirror_report import MirrorReport
from tests.mutating_calls import mutating

# The registries are the same whoever serves Kubernetes.
pytestmark = pytest.mark.parametrize("sandbox", ["embedded"], indirect=True)

LINUX = "public.ecr.aws/amazonlinux/amazonlinux"
TWO, NEWER, NOWHERE = (f"{LINUX}:{tag}" for tag in ("2", "2023", "no-such-tag"))
REPOSITORIES = MirrorRepositories.model_validate({"prefix": "mirror", "lifecyclePolicy": {}})
MUTABLE = MirrorRepositories.model_validate({"imageTagMutability": "MUTABLE"})


def written(flow_run_id: UUID | None) -> dict[str | None, Any]:
    """The artifacts of a run by key."""
    assert flow_run_id is not None
    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id]))
    with get_client(sync_client=True) as client:
        return {artifact.key: artifact.data for artifact in client.read_artifacts(artifact_filter=of_run)}


def run(cluster: EksCluster, *sources: str, **options: Any) -> State[MirrorReport]:
    images = [MirrorImage(source=source, repository=f"mirror/{source.partition(':')[2]}") for source in sources]
    state: State[MirrorReport] = mirror_images(cluster, images, repositories=REPOSITORIES, return_state=True, **options)
    return state


def definition_image(cluster: EksCluster) -> tuple[int, str]:
    """Newest revision of the tutorial's job definition, and its image."""
    revision = newest_revision(cluster, "MyJobOnEks_Sleep") or {}
    return revision["revision"], revision["eksProperties"]["podProperties"]["containers"][0]["image"]


def test_one_image_that_fails_keeps_no_other_from_being_mirrored(cluster: EksCluster, sandbox: RemoteSandbox) -> None:
    failed = run(cluster, TWO, NOWHERE, NEWER)
    assert failed.is_failed()
    assert f"{NOWHERE}: 404 Not Found" in str(failed.message)
    assert "Run again afterwards: what is done is kept." in str(failed.message)
    artifacts = written(failed.state_details.flow_run_id)
    rows = {row["image"]: row for row in json.loads(artifacts["mirrored-images"])}
    assert [row["action"].partition(":")[0] for row in rows.values()] == ["created", "missing", "created"]
    assert rows[TWO]["destination"].endswith(f"/mirror/2:2@{rows[TWO]['source digest']}")
    assert rows[TWO]["copied"] == "0.2 MB"
    assert f"| {NOWHERE} | failed |" in artifacts["mirror-progress"]
    assert f"| {NEWER} | done | 0.2 of 0.2 MB |" in artifacts["mirror-progress"]
    assert artifacts["mirror-progress-percent"] == pytest.approx(66.7)
    assert "lifecycle policy" in artifacts["mirror-images"]

    sandbox.clear_calls()
    report = run(cluster, TWO, NEWER).result()
    assert not report.changed
    assert [image.bytes_copied for image in report.images] == [0, 0]
    assert mutating(sandbox) == []


def test_an_image_may_be_copied_to_several_repositories_and_each_copy_counts(cluster: EksCluster) -> None:
    cluster.ecr.create_repository(repositoryName="by/hand", imageTagMutability="IMMUTABLE")
    images = [MirrorImage(source=TWO, repository=name) for name in ("by/hand", "mirror/2")]
    state = mirror_images(cluster, images, repositories=MUTABLE, return_state=True)
    assert state.is_failed()
    assert "repository by/hand: it exists, was not made by these flows" in str(state.message)
    artifacts = written(state.state_details.flow_run_id)
    missing, mirrored = json.loads(artifacts["mirrored-images"])
    assert (missing["action"], missing["destination"]) == ("missing: its repository failed", "by/hand:2")
    assert "/mirror/2:2@sha256:" in mirrored["destination"]
    # The copies have ended, and so have their artifacts.
    assert f"| {TWO} to by/hand | not tried |" in artifacts["mirror-progress"]
    assert f"| {TWO} to mirror/2 | done |" in artifacts["mirror-progress"]
    assert "2 of 2 images ended, 50 %" in artifacts["mirror-progress"]
    assert artifacts["mirror-progress-percent"] == 50.0


def test_a_refresh_from_a_file_lists_older_definitions_and_registers_them_if_asked(
    cluster: EksCluster, sandbox: RemoteSandbox, tmp_path: Path
) -> None:
    (old, newer) = run(cluster, TWO, NEWER).result().images
    ensure_job_definition.fn(cluster, JobDefinitionSpec(), [old])
    # The tag 2 moves on: from here the file says what it names.
    file = tmp_path / "images.yaml"
    image = {"source": TWO, "repository": "mirror/2", "pin": newer.source_digest}
    file.write_text(json.dumps({"images": [image]}))
    sandbox.clear_calls()

    plan = mirror_images(cluster, images_file=str(file), plan=True)
    assert [(o.step, o.action) for o in plan.changed] == [("image", "updated")]
    assert mutating(sandbox) == []

    report = mirror_images(cluster, images_file=str(file))
    (listed,) = [outcome for outcome in report.outcomes if outcome.step == "job definition"]
    assert f"names an older image: {old.identifier} -> {report.images[0].identifier}" in listed.note
    assert definition_image(cluster) == (1, old.identifier)

    refreshed = mirror_images(cluster, images_file=str(file), refresh_definitions=True)
    assert [outcome.step for outcome in refreshed.changed] == ["job definition"]
    assert definition_image(cluster) == (2, report.images[0].identifier)

"""What the progress artifacts say while images are copied."""

import logging
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from prefect import flow, get_client, runtime
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

from registry.progress import Progress
from tasks.mirror_progress import MirrorProgress

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
LOGGER = logging.getLogger("test")


def row(progress: MirrorProgress, image: str) -> list[str]:
    line = next(line for line in progress.markdown().splitlines() if line.startswith(f"| {image} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_bytes_and_blobs_add_up_and_each_blob_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    progress = MirrorProgress("key", [("a", "one"), ("b", "one")])
    assert row(progress, "b")[1] == "waiting"
    with caplog.at_level(logging.INFO), progress.copying("a", "one", LOGGER) as report:
        report(Progress("planned", ONE, 3_000_000, 0))
        report(Progress("planned", TWO, 1_000_000, 0))
        report(Progress("started", ONE, 3_000_000, 0))
        for done in (1_000_000, 2_000_000):
            report(Progress("advanced", ONE, 3_000_000, done))
        share, size, rate, blobs, there = row(progress, "a")[1:]
        assert (share, size, blobs, there) == ("50%", "2.0 of 4.0 MB", "0 of 2", "0")
        assert rate.endswith(" MB/s")
        assert progress.percent == 25.0
        report(Progress("copied", ONE, 3_000_000, 3_000_000))
        report(Progress("skipped", TWO, 1_000_000, 0))
    assert row(progress, "a")[1:] == ["done", "3.0 of 3.0 MB", "", "1 of 1", "1"]
    assert [record.getMessage() for record in caplog.records] == [f"{ONE[:19]}: 3.0 MB arrived, 1 of 2 blobs"]
    assert progress.percent == 50.0
    assert "1 of 2 images ended" in progress.markdown()


def test_a_failed_image_is_shown_as_such_until_it_is_tried_again() -> None:
    progress = MirrorProgress("key", [("a", "one")])
    with pytest.raises(OSError, match="gone"), progress.copying("a", "one", LOGGER):
        raise OSError("gone")
    assert row(progress, "a")[1] == "failed"
    assert progress.percent == 0.0
    with progress.copying("a", "one", LOGGER):
        pass
    assert row(progress, "a")[1] == "done"


def test_two_copies_of_an_image_are_told_apart() -> None:
    progress = MirrorProgress("key", [("a", "one"), ("a", "two")])
    with progress.copying("a", "two", LOGGER):
        assert row(progress, "a to one")[1] == "waiting"
    assert row(progress, "a to two")[1] == "done"
    assert progress.percent == 50.0


def shown(key: str, is_it: Callable[[Any], bool]) -> Any:
    """An artifact of this run as soon as it is as wanted; as it is after a minute, else."""
    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[UUID(str(runtime.flow_run.id))]))
    deadline = time.monotonic() + 60
    with get_client(sync_client=True) as client:
        while True:
            (found,) = [one.data for one in client.read_artifacts(artifact_filter=of_run) if one.key == key]
            if is_it(found) or time.monotonic() > deadline:
                return found
            time.sleep(0.02)


@pytest.mark.usefixtures("prefect_server")
def test_the_artifacts_are_updated_while_a_copy_goes_on() -> None:
    @flow
    def copies() -> None:
        with MirrorProgress("shown", [("a", "one"), ("b", "one")], update_seconds=0.02) as progress:
            assert "| a | waiting |" in shown("shown", bool)
            with progress.copying("a", "one", LOGGER) as report:
                report(Progress("planned", ONE, 4_000_000, 0))
                report(Progress("advanced", ONE, 4_000_000, 1_000_000))
                # The copy stands still here, and what it has done so far can be read.
                assert "| a | 25% | 1.0 of 4.0 MB |" in shown("shown", lambda table: "| a | 25% |" in table)
                assert shown("shown-percent", lambda percent: percent > 0) == 12.5
        table = shown("shown", bool)
        assert "| a | done |" in table
        assert "| b | not tried |" in table

    copies()

"""Waiting says what for, less and less often, once it takes longer than a person waits in silence."""

import logging

import pytest
from prefect import flow

from tasks.pauses import pauses


@pytest.mark.usefixtures("prefect_server")
def test_a_long_wait_is_said_in_the_run_s_log(caplog: pytest.LogCaptureFixture) -> None:
    @flow
    def wait() -> None:
        for _ in pauses(1.3, "the removal of job queue Q", quiet_seconds=0.7):
            pass

    with caplog.at_level(logging.INFO):
        wait()
    (said,) = (record.getMessage() for record in caplog.records if "Waiting for" in record.getMessage())
    assert said.startswith("Waiting for the removal of job queue Q, for ")
    assert said.endswith(" so far, 1 at most")


def test_a_wait_outside_of_a_run_is_silent() -> None:
    assert list(pauses(0, "nothing")) == [None]

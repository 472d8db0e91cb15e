"""One `make up` for all tests of it: starting it takes most of their time."""

from collections.abc import Iterator

import pytest

from tests.demo.running_up import RunningUp


@pytest.fixture(scope="package")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningUp]:
    """A running `make up`, of which nothing is left after Ctrl-C."""
    running = RunningUp(tmp_path_factory.mktemp("up"))
    yield running
    assert running.interrupt() == 0
    assert running.left_behind() == []

"""What all tests share: one Prefect server for the session."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from demo.prefect_server import PrefectServer


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A running Prefect server that flows and tasks of this process report to."""
    with PrefectServer(tmp_path_factory.mktemp("prefect")) as server:
        home = Path(server.env["PREFECT_HOME"])
        with temporary_settings({PREFECT_API_URL: server.env["PREFECT_API_URL"], PREFECT_HOME: home}):
            yield server

"""Every test here runs flows, so every one needs the Prefect server."""

import pytest

from demo.prefect_server import PrefectServer


@pytest.fixture(autouse=True)
def _server(prefect_server: PrefectServer) -> None:
    """Start the Prefect server of the session."""

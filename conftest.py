"""The tests' one Prefect server, named in the environment before anything imports Prefect.

Prefect reads its settings when it is imported, and threads of its own, such as the one that sends logs, know no others:
they would start a server of their own.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from demo.prefect_server import PrefectServer
from tests.by_file import ByFile
from tests.unmeasured import unmeasured

_DIRECTORY = TemporaryDirectory(prefix="prefect-tests-", ignore_cleanup_errors=True)
_SERVER = PrefectServer(Path(_DIRECTORY.name))
# Tasks that tests run outside of any flow have nowhere to send their logs to.
os.environ.update(_SERVER.env | {"PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore"})


def pytest_configure(config: pytest.Config) -> None:
    """Make Prefect's deprecations errors; named in pyproject.toml, pytest would import Prefect before this file."""
    deprecation = "prefect._internal.compatibility.deprecated.PrefectDeprecationWarning"
    config.addinivalue_line("filterwarnings", f"error::{deprecation}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    """Have each process run whole files; the longest come first, being first by their paths."""
    return ByFile(config, log)


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[PrefectServer]:
    """A running Prefect server that flows and tasks of this process report to."""
    with unmeasured():
        _SERVER.start()
    _SERVER.wait_until_ready()
    yield _SERVER
    _SERVER.stop()

"""Prefect's log as a short narration: a line when a step begins to work and when it has ended."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

# Overrides a value of Prefect's logging.yml; what goes to the server stays.
QUIET = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}
_STATE = re.compile(r"Finished in state (\w+)\(")


class _Narrator(logging.Handler):
    """Prints the end of each task run, and everything that is a warning or worse."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        ended = _STATE.search(record.getMessage())
        name = getattr(record, "task_run_name", None)
        if ended and name:
            print(f"     . {name}: {ended[1]}", flush=True)
        elif record.levelno >= logging.WARNING and name and not ended:
            print(f"     ! {name}: {record.getMessage().splitlines()[0]}", flush=True)


@contextmanager
def narrate() -> Iterator[None]:
    """Print task runs as they end. QUIET, set before Prefect is imported, takes its own console lines away."""
    narrator = _Narrator()
    task_runs = logging.getLogger("prefect.task_runs")
    task_runs.addHandler(narrator)
    try:
        yield
    finally:
        task_runs.removeHandler(narrator)

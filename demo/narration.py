"""Prefect's log as a short narration: a line when a step begins to work and when it has ended."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGERS = ("prefect", "prefect.flow_runs", "prefect.task_runs")
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
    """Print task runs as they end, instead of Prefect's own console lines; what goes to the server stays."""
    narrator = _Narrator()
    removed = []
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        consoles = [handler for handler in logger.handlers if "Console" in type(handler).__name__]
        removed += [(logger, handler) for handler in consoles]
        for handler in consoles:
            logger.removeHandler(handler)
    task_runs = logging.getLogger("prefect.task_runs")
    task_runs.addHandler(narrator)
    try:
        yield
    finally:
        task_runs.removeHandler(narrator)
        for logger, handler in removed:
            logger.addHandler(handler)

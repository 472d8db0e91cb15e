"""A line in the log of the run, where there is a run: steps are also called outside of any."""

from prefect.exceptions import MissingContextError
from prefect.logging import get_run_logger


def say(line: str, *values: object) -> None:
    """Write a line for the person who follows the run.

    Args:
        line: The line, with %s for each value.
        values: The values.
    """
    try:
        logger = get_run_logger()
    except MissingContextError:
        return
    logger.info(line, *values)

"""A part of a table inside of an array job: one variable holds it, and child i reads line i + 2 of it."""

import json
from collections.abc import Sequence
from itertools import accumulate

VARIABLE = "JOB_TABLE"
"""The variable: a header and a line a row, cells separated by tabs, which `cut -f` reads without quoting rules."""

LARGEST_ARRAY = 10_000
"""botocore batch SubmitJobRequest.arrayProperties: an array has 2 to 10,000 children."""


def cut(sizes: Sequence[int], most: int) -> list[range] | None:
    """Cut rows into arrays: parts of nearly the same number of rows, as few as fit.

    Equal parts leave no array with a single row behind, which AWS Batch would refuse.

    Args:
        sizes: The bytes that each row takes.
        most: The bytes that the rows of an array may take together.

    Returns:
        The places of each array's rows, at least two each, in order; None where some two neighbours are too large.
    """
    rows, ends = len(sizes), list(accumulate(sizes, initial=0))
    pairs = rows // 2
    parts = max(1, -(-rows // LARGEST_ARRAY), -(-ends[-1] // max(most, 1)))
    while parts <= pairs:
        arrays = [range(rows * part // parts, rows * (part + 1) // parts) for part in range(parts)]
        if all(ends[array.stop] - ends[array.start] <= most for array in arrays):
            return arrays
        if parts == pairs:
            break
        # Steps of a hundredth: a large table with a few long rows would otherwise take minutes.
        parts = min(pairs, parts + max(1, parts // 100))
    return None


def line(cells: Sequence[str]) -> str:
    """A row or the header as a line of the variable, its end included."""
    return "\t".join(cells) + "\n"


def sent_bytes(text: str) -> int:
    """The bytes that a text takes in a request: botocore writes JSON of ASCII characters."""
    return len(json.dumps(text)) - len('""')


def array_name(job_name: str, rows: range) -> str:
    """The name of the array job that has these rows, counted from 1 as people do."""
    return f"{job_name}-rows-{rows.start + 1}-{rows.stop}"


def first_row(job_name: str, size: int) -> int | None:
    """The row of the table that child 0 of an array job has; None if the array was not made from a table.

    Args:
        job_name: The array job's name.
        size: How many children it has.
    """
    _, _, rows = job_name.rpartition("-rows-")
    first, _, last = rows.partition("-")
    if first.isdecimal() and last.isdecimal() and int(last) - int(first) + 1 == size:
        return int(first)
    return None

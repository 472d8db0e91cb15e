"""What a person reads after images were mirrored: one row an image, what is missing included."""

from collections.abc import Sequence
from typing import Any

from prefect.artifacts import create_table_artifact
from prefect.futures import PrefectFuture, wait

from registry.progress_bar import megabytes
from tasks.image import MirroredImage
from tasks.mirror_order import MirrorOrder
from tasks.report import Report


class MirrorReport(Report):
    """The result of a run that mirrored images.

    Attributes:
        images: What became of each, in the order of the list.
    """

    images: tuple[MirroredImage, ...]


def report_images(
    orders: Sequence[MirrorOrder], copies: Sequence[PrefectFuture[Any]], *, key: str
) -> tuple[MirroredImage, ...]:
    """Wait for all copies and show them as a table artifact of the run.

    Args:
        orders: What was to be copied.
        copies: The copy of each order.
        key: Key of the artifact: lower-case letters, digits and dashes.

    Returns:
        The images that are mirrored now; those whose copy failed are missing.
    """
    wait(list(copies))
    results = [copy.result(raise_on_failure=False) if copy.state.is_final() else None for copy in copies]
    images = tuple(result for result in results if isinstance(result, MirroredImage))
    rows = [_row(order, result) for order, result in zip(orders, results, strict=True)]
    create_table_artifact(rows, key=key, description=f"{len(images)} of {len(orders)} images mirrored")
    return images


def _row(order: MirrorOrder, result: object) -> dict[str, str]:
    if not isinstance(result, MirroredImage):
        cause = str(result).splitlines()[0] if isinstance(result, BaseException) else "its repository failed"
        return {"image": order.name, "action": f"missing: {cause}", "destination": order.place}
    return {
        "image": order.name,
        "action": f"would be {result.action}" if result.planned and result.changes else result.action,
        "copied": f"{megabytes(result.bytes_copied)} MB",
        "already there": f"{megabytes(result.bytes_skipped)} MB",
        "seconds": f"{result.seconds:.1f}",
        "source digest": result.source_digest,
        "destination": result.destination,
    }

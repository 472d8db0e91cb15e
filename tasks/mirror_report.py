"""What a person reads after images were mirrored: one row an image, what is missing included."""

from collections.abc import Mapping
from typing import Any

from prefect.artifacts import create_table_artifact
from prefect.futures import PrefectFuture, wait

from registry.progress_bar import megabytes
from tasks.image import MirroredImage
from tasks.report import Report


class MirrorReport(Report):
    """The result of a run that mirrored images.

    Attributes:
        images: What became of each, in the order of the list.
    """

    images: tuple[MirroredImage, ...]


def report_images(futures: Mapping[str, PrefectFuture[Any]], *, key: str) -> tuple[MirroredImage, ...]:
    """Wait for all copies and show them as a table artifact of the run.

    Args:
        futures: The copies, by what is copied.
        key: Key of the artifact: lower-case letters, digits and dashes.

    Returns:
        The images that are mirrored now; those whose copy failed are missing.
    """
    wait(list(futures.values()))
    results = {
        source: future.result(raise_on_failure=False) if future.state.is_final() else None
        for source, future in futures.items()
    }
    images = tuple(result for result in results.values() if isinstance(result, MirroredImage))
    description = f"{len(images)} of {len(futures)} images mirrored"
    create_table_artifact([_row(*item) for item in results.items()], key=key, description=description)
    return images


def _row(source: str, result: object) -> dict[str, str]:
    if not isinstance(result, MirroredImage):
        cause = str(result).splitlines()[0] if isinstance(result, BaseException) else "its repository failed"
        return {"image": source, "action": f"missing: {cause}"}
    return {
        "image": source,
        "action": f"would be {result.action}" if result.planned and result.changes else result.action,
        "copied": f"{megabytes(result.bytes_copied)} MB",
        "already there": f"{megabytes(result.bytes_skipped)} MB",
        "seconds": f"{result.seconds:.1f}",
        "source digest": result.source_digest,
        "destination": result.destination,
    }

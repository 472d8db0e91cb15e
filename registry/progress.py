"""What a copy tells while it goes; several blobs do so at once, from threads of their own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Progress:
    """One step of a copy.

    Attributes:
        state: A blob is `planned` before any is sent; it was `started` (again, if it broke off), bytes `advanced`
            (told a few times a second), it was `copied`, `mounted`, or `skipped` since the destination had it; a
            manifest or index was `pushed`, or `skipped` likewise.
        digest: Digest of the blob or manifest.
        size: Its size in bytes.
        done: Bytes of it that were sent so far.
    """

    state: Literal["planned", "started", "advanced", "copied", "mounted", "skipped", "pushed"]
    digest: str
    size: int
    done: int


Report = Callable[[Progress], None]
"""Is told each step. Several threads call it at the same time."""

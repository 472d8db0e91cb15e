"""What a copy tells while it goes."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Progress:
    """One step of a copy.

    Attributes:
        state: A blob was `started`, bytes `advanced`, it was `copied`, `mounted`, or `skipped` since the
            destination had it; a manifest or index was `pushed`.
        digest: Digest of the blob or manifest.
        size: Its size in bytes.
        done: Bytes of it that were sent so far.
    """

    state: Literal["started", "advanced", "copied", "mounted", "skipped", "pushed"]
    digest: str
    size: int
    done: int

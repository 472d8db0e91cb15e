"""The bar that a copy draws on a terminal."""

import os
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from registry.progress import Progress
from registry.tally import Tally

_REDRAW_SECONDS = 0.1
_TICK_SECONDS = 0.5
_WIDEST_BAR = 40
_NARROWEST_BAR = 10


class ProgressBar:
    """One line that tells bytes, rate, remaining time and blobs; a context manager, which wipes it at the end.

    Safe to be called from several threads.

    Args:
        stream: Where to draw; a terminal.
        clock: Tells the time.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._tally = Tally(clock)
        self._lock = threading.Lock()
        self._drawn_at = float("-inf")
        self._ended = threading.Event()
        self._ticking = threading.Thread(target=self._tick, name="progress bar", daemon=True)

    def __call__(self, progress: Progress) -> None:
        """Take in one step, and draw if it is time to."""
        self._tally.add(progress)
        self._draw()

    def __enter__(self) -> Self:
        self._ticking.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._ticking.join()
        self._write("")

    def _tick(self) -> None:
        """Draw now and then even if nothing is told: a stall must show."""
        while not self._ended.wait(_TICK_SECONDS):
            self._draw()

    def _draw(self) -> None:
        with self._lock:
            now = self._clock()
            if now - self._drawn_at >= _REDRAW_SECONDS:
                self._drawn_at = now
                self._write(bar(self._tally, _columns(self._stream) - 1))

    def _write(self, line: str) -> None:
        # Carriage return, the line, erase what an older one left (ECMA-48, EL).
        self._stream.write(f"\r{line}\x1b[K")
        self._stream.flush()


def bar(tally: Tally, width: int) -> str:
    """The line to draw.

    Args:
        tally: How far the copy is.
        width: How many columns it may take: the bar itself gives way first, then the last of the texts.
    """
    percent = 100 * tally.done // tally.size if tally.size else 0
    texts = [
        f"{percent:3d}%",
        f"{megabytes(tally.done)} of {megabytes(tally.size)} MB",
        f"{megabytes(tally.rate)} MB/s",
        f"{_duration(tally.seconds_left)} left",
        f"{tally.blobs_done} of {tally.blobs} blobs",
    ]
    text = "  ".join(texts)
    while texts and len(text) > width:
        texts.pop()
        text = "  ".join(texts)
    room = min(width - len(text) - 4, _WIDEST_BAR)
    if room < _NARROWEST_BAR:
        return text
    filled = room * percent // 100
    return f"[{'#' * filled}{'.' * (room - filled)}]  {text}"


def megabytes(count: float) -> str:
    """Bytes as a number of megabytes."""
    return f"{count / 1e6:.1f}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "--:--"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80

"""The bar, drawn on a pseudo-terminal."""

import fcntl
import os
import pty
import struct
import termios
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.progress import Progress
from registry.progress_bar import ProgressBar, bar
from registry.tally import Tally


class Terminal:
    """A pseudo-terminal: what is written to `stream` is read back from it."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        self.stream = os.fdopen(slave, "w")

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self.stream.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def frames(self) -> list[str]:
        """What was drawn, one text a drawing."""
        self.stream.write("\rEND")
        self.stream.flush()
        return self.drawn_until("END").replace("\x1b[K", "").split("\r")[1:-1]

    def drawn_until(self, text: str) -> str:
        """What was drawn until a text comes."""
        drawn = ""
        while text not in drawn:
            drawn += os.read(self._master, 65536).decode()
        return drawn

    def close(self) -> None:
        self.stream.close()
        os.close(self._master)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    opened = Terminal()
    yield opened
    opened.close()


def tally_of(size: int, done: int, blobs: int) -> Tally:
    now = 0.0
    tally = Tally(lambda: now)
    for number in range(blobs):
        tally.add(Progress("planned", str(number), size // blobs, 0))
    now = 2.0
    tally.add(Progress("copied", "0", size // blobs, size // blobs))
    tally.add(Progress("advanced", "1", size // blobs, done - size // blobs))
    return tally


def test_it_tells_bytes_rate_remaining_time_and_blobs() -> None:
    tally = tally_of(400_000_000, 200_000_000, 4)
    texts = " 50%  200.0 of 400.0 MB  100.0 MB/s  00:02 left  1 of 4 blobs"
    assert bar(tally, 120) == f"[{'#' * 20}{'.' * 20}]  {texts}"
    assert bar(tally, 80) == f"[{'#' * 7}{'.' * 8}]  {texts}"
    assert bar(tally, len(texts)) == texts
    assert bar(tally, 50) == " 50%  200.0 of 400.0 MB  100.0 MB/s  00:02 left"
    assert bar(tally, 30) == " 50%  200.0 of 400.0 MB"


def test_nothing_planned_yet_is_no_division_by_zero() -> None:
    assert bar(Tally(), 60) == "  0%  0.0 of 0.0 MB  0.0 MB/s  --:-- left  0 of 0 blobs"


@given(st.integers(0, 200), st.integers(2, 10**15), st.integers(2, 500))
def test_it_never_takes_more_columns_than_there_are(width: int, size: int, blobs: int) -> None:
    assert len(bar(tally_of(size, size // blobs, blobs), width)) <= width


def test_one_line_is_redrawn_ten_times_a_second_and_wiped(terminal: Terminal) -> None:
    now = 0.0
    with ProgressBar(terminal.stream, clock=lambda: now) as progress:
        terminal.resize(60)
        progress(Progress("planned", "a", 10_000_000, 0))
        for step in range(1, 101):
            now = step / 100
            progress(Progress("advanced", "a", 10_000_000, step * 100_000))
    frames = terminal.frames()
    assert 10 <= len(frames) <= 12
    assert all(len(frame) < 60 for frame in frames)
    assert "0.0 of 10.0 MB" in frames[0]
    assert " of 10.0 MB" in frames[-2]
    assert frames[-1] == ""


def test_it_follows_the_terminals_width(terminal: Terminal) -> None:
    now = 0.0
    progress = ProgressBar(terminal.stream, clock=lambda: now)
    terminal.resize(120)
    progress(Progress("planned", "a", 10, 0))
    now = 1.0
    terminal.resize(20)
    progress(Progress("advanced", "a", 10, 5))
    wide, narrow = terminal.frames()
    assert (wide[0], len(narrow) < 20) == ("[", True)


def test_a_stall_shows_though_nothing_is_told(terminal: Terminal) -> None:
    now = 0.0
    with ProgressBar(terminal.stream, clock=lambda: now) as progress:
        progress(Progress("planned", "a", 10_000_000, 0))
        now = 1.0
        progress(Progress("advanced", "a", 10_000_000, 5_000_000))
        terminal.drawn_until("5.0 MB/s")
        now = 60.0
        terminal.drawn_until("0.0 MB/s  --:-- left")

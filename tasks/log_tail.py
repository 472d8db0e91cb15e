"""The end of a log, however long it is: what a report shows of it, and how much there was before."""

from collections import deque
from dataclasses import dataclass, replace
from typing import Self

KEPT_LINES = 200
KEPT_BYTES = 64 * 1024
SHORT_LINES, SHORT_SIZE = 20, 4 * 1024
LONGEST_LINE = 16 * 1024


@dataclass(frozen=True)
class KeptLog:
    """What was kept of a log.

    Attributes:
        text: Its end; empty where there is none.
        lines: How many lines were seen of it, those of the text among them.
        size: How many bytes were seen of it.
        note: Where all of it is, or why there is none.
    """

    text: str = ""
    lines: int = 0
    size: int = 0
    note: str = ""

    def short(self) -> Self:
        """The last 20 lines of it, and 4 KiB at most, where there are thousands of logs."""
        text = "".join(self.text.splitlines(keepends=True)[-SHORT_LINES:])[-SHORT_SIZE:]
        return replace(self, text=text)


class LogTail:
    """Takes a log line by line and keeps its end: 200 lines and 64 KiB at most."""

    def __init__(self) -> None:
        self.lines = 0
        self.size = 0
        self._kept: deque[str] = deque()
        self._kept_size = 0

    def add(self, line: str) -> None:
        """Take a line, with its newline if it has one."""
        size = len(line.encode())
        self.lines, self.size = self.lines + 1, self.size + size
        self._kept.append(line)
        self._kept_size += size
        while len(self._kept) > KEPT_LINES or (self._kept_size > KEPT_BYTES and len(self._kept) > 1):
            self._kept_size -= len(self._kept.popleft().encode())

    def kept(self, note: str) -> KeptLog:
        """What there is so far.

        Args:
            note: Where all of it is.
        """
        return KeptLog("".join(self._kept), self.lines, self.size, note if self.lines else "Its log is empty.")


class LineSplitter:
    """Makes lines of the pieces that a connection gives; one without end is broken after 16 KiB."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[str]:
        """The lines that a piece completes, with their newlines."""
        *whole, self._rest = (self._rest + piece).split(b"\n")
        lines = [line + b"\n" for line in whole]
        if len(self._rest) > LONGEST_LINE:
            lines.append(self._rest)
            self._rest = b""
        return [line.decode(errors="replace") for line in lines]

    def rest(self) -> list[str]:
        """The last line, if it has no newline."""
        rest, self._rest = self._rest, b""
        return [rest.decode(errors="replace")] if rest else []

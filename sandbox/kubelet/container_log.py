"""A container's output, kept as container runtimes keep it."""

import datetime
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class LogOptions:
    """Query parameters of a pod's `log` subresource (Kubernetes API, `PodLogOptions`).

    Attributes:
        follow: Go on until the container ends.
        tail_lines: Only so many lines from the end.
        limit_bytes: Stop after so many bytes.
        since: Only what was written at this time or later.
        timestamps: Put each line's time before it.
    """

    follow: bool = False
    tail_lines: int | None = None
    limit_bytes: int | None = None
    since: datetime.datetime | None = None
    timestamps: bool = False

    @classmethod
    def from_query(cls, query: dict[str, str]) -> Self:
        """Read the parameters of a request.

        Raises:
            ValueError: A number or a time does not parse.
        """
        since = None
        if "sinceTime" in query:
            since = datetime.datetime.fromisoformat(query["sinceTime"])
        elif "sinceSeconds" in query:
            since = _now() - datetime.timedelta(seconds=int(query["sinceSeconds"]))
        return cls(
            follow=query.get("follow", "") in ("1", "true"),
            tail_lines=int(query["tailLines"]) if "tailLines" in query else None,
            limit_bytes=int(query["limitBytes"]) if "limitBytes" in query else None,
            since=since,
            timestamps=query.get("timestamps", "") in ("1", "true"),
        )


class ContainerLog:
    """Lines with the time at which each was written, in a file of the CRI's format.

    Standard output and standard error share it: a pod's log shows both in the order of writing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed = threading.Condition()
        self._closed = False
        self._count = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("wb", buffering=0)

    def write(self, line: bytes) -> None:
        """Add a line; one without its newline is a partial one (CRI tag `P`)."""
        tag = b"F" if line.endswith(b"\n") else b"P"
        stamp = _now().strftime("%Y-%m-%dT%H:%M:%S.%f000Z").encode()
        with self._changed:
            if self._closed:
                return
            self._file.write(stamp + b" stdout " + tag + b" " + line.removesuffix(b"\n") + b"\n")
            self._count += 1
            self._changed.notify_all()

    def close(self) -> None:
        """The container has ended: who follows gets to the end."""
        with self._changed:
            self._closed = True
            self._file.close()
            self._changed.notify_all()

    def read(self, options: LogOptions) -> Iterator[bytes]:
        """The output, as the options ask for it.

        Who follows gets an empty chunk each second without output, to look whether anybody still reads.
        """
        left = options.limit_bytes
        for chunk in self._chunks(options):
            if left is not None:
                chunk = chunk[:left]
                left -= len(chunk)
            yield chunk
            if left == 0:
                return

    def _chunks(self, options: LogOptions) -> Iterator[bytes]:
        with self._path.open("rb") as file, self._changed:
            present = [file.readline() for _ in range(self._count)]
        read = sum(len(line) for line in present)
        if options.tail_lines is not None:
            present = present[max(0, len(present) - options.tail_lines) :]
        for line in present:
            yield from _shown(line, options)
        if options.follow:
            yield from self._follow(read, options)

    def _follow(self, read: int, options: LogOptions) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            file.seek(read)
            while True:
                with self._changed:
                    line = file.readline()
                    while not line and not self._closed:
                        if not self._changed.wait(1):
                            break
                        line = file.readline()
                    closed = self._closed
                if line:
                    yield from _shown(line, options)
                elif closed:
                    return
                else:
                    yield b""


def _shown(line: bytes, options: LogOptions) -> Iterator[bytes]:
    stamp, _, tag, text = line.removesuffix(b"\n").split(b" ", 3)
    if options.since is not None:
        written = datetime.datetime.fromisoformat(stamp.decode())
        if written < options.since:
            return
    prefix = stamp + b" " if options.timestamps else b""
    yield prefix + text + (b"\n" if tag == b"F" else b"")


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)

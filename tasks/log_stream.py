"""One container's log, followed in a thread of its own from its first line to its end."""

import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import ReadTimeoutError

from tasks.log_tail import KeptLog, LineSplitter, LogTail

# A connection that says nothing for so long may be a dead one, so it is opened again; most logs pause now and then.
SILENT_SECONDS = 60.0
FIRST_PAUSE = 0.5
MOST_FAILURES = 5
# Kubernetes reckons by the node's clock, we by the moment that a line came; what comes twice is known by its time.
SINCE_MARGIN = 30.0


class LogStream:
    """Follows a log until its container ends, it is closed, or the connection fails too often; never raises.

    Args:
        open_log: Opens the log, given the keywords of `read_namespaced_pod_log` that say where to begin.
        show: Called with each line, without its newline, as it comes.
    """

    def __init__(self, open_log: Callable[..., Any], show: Callable[[str], None]) -> None:
        self._open_log = open_log
        self._show = show
        self._tail = LogTail()
        self._last: tuple[datetime, str] | None = None
        self._is_known = False
        self._last_came = 0.0
        self._response: Any = None
        self._closed = threading.Event()
        self._at_end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pod log", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether more may come."""
        return self._thread.is_alive()

    def wait_for_end(self, seconds: float) -> bool:
        """Wait until all that the container wrote was read, as far as can be told."""
        return self._at_end.wait(max(0.0, seconds) if self.is_alive else 0.0)

    def kept(self, note: str) -> KeptLog:
        """The end of the log, as far as it came."""
        return self._tail.kept(note)

    def close(self) -> None:
        """End the thread, which may be waiting for a line."""
        self._closed.set()
        # The response may be closing itself just now.
        with suppress(Exception):
            self._response.shutdown()

    def join(self, seconds: float) -> None:
        """Wait until the thread has ended, after `close`."""
        self._thread.join(max(0.0, seconds))

    def _run(self) -> None:
        # Whatever it is, a log is no reason to end or to disturb a run.
        with suppress(Exception):
            self._follow()

    def _follow(self) -> None:
        failures = 0
        while failures < MOST_FAILURES and not self._closed.is_set():
            before = self._tail.lines
            try:
                self._read()
                if self._tail.lines == before:
                    return
                # The container ended; or the kubelet was restarted, which ends its streams: ask once more.
                failures = 0
            except Exception as error:
                if isinstance(error, ApiException) and error.status in (404, 410):
                    return
                # A kubelet answers nothing at all before the first line.
                is_silent = isinstance(error, ReadTimeoutError) or isinstance(error.__cause__, ReadTimeoutError)
                failures = 0 if is_silent or self._tail.lines > before else failures + 1
            self._closed.wait(FIRST_PAUSE * 2**failures)

    def _read(self) -> None:
        """Read what comes until the stream ends."""
        splitter, continues = LineSplitter(), False
        response = self._response = self._open_log(**self._beginning(), _request_timeout=(10, SILENT_SECONDS))
        try:
            for piece in () if self._closed.is_set() else response.stream(decode_content=True):
                for line in splitter.feed(piece):
                    self._take(line, continues)
                    continues = not line.endswith("\n")
            for line in splitter.rest():
                self._take(line, continues)
            self._at_end.set()
        finally:
            # Not given back to the pool, where it would be used again half-read.
            response.close()

    def _beginning(self) -> dict[str, int]:
        # The Kubernetes client leaves sinceTime out.
        if self._last is None:
            return {}
        return {"since_seconds": math.ceil(time.monotonic() - self._last_came + SINCE_MARGIN)}

    def _take(self, line: str, continues: bool) -> None:
        text = line
        if not continues:
            stamp, _, text = line.partition(" ")
            written = (datetime.fromisoformat(stamp), stamp)
            self._is_known = self._last is not None and written <= self._last
            self._last = max(written, self._last or written)
        if self._is_known:
            return
        self._last_came = time.monotonic()
        self._at_end.clear()
        self._tail.add(text)
        self._show(text.rstrip("\n"))

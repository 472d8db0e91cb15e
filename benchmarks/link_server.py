"""A link to a registry that is slow, far away or bad: `python -m benchmarks.link_server HOST:PORT OPTIONS`.

It passes on bytes between its clients and one server, knows nothing of HTTP, and lets the kernel move what comes from
the server (splice), to take little of the processor from those who are measured. It prints its port, answers
each line on its standard input with the number of bytes passed on to clients, and ends with the end of its input.
"""

import argparse
import contextlib
import fcntl
import os
import socket
import struct
import sys
import threading
import time
from dataclasses import dataclass, field

_SLICE = 256 * 1024
_BUFFER = 256 * 1024
_REQUEST = 64 * 1024
# How far a connection that was held up may catch up with its rate.
_CREDIT_SECONDS = 0.02


@dataclass
class Link:
    """What the link does to its connections, and what went over it.

    Attributes:
        server: Where it leads.
        rate: Bytes a second from the server, of each connection; 0 for no limit.
        latency: Seconds from a request to the first byte of its answer, and once more for a new connection.
        reset_every: All connections are reset each time that so many bytes came over the link; 0 for never.
        passed: Bytes passed on to clients.
    """

    server: tuple[str, int]
    rate: float = 0
    latency: float = 0
    reset_every: int = 0
    passed: int = 0
    _open: set["_Connection"] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def accept(self, listener: socket.socket) -> None:
        """Serve clients for ever."""
        while True:
            client, _ = listener.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def count(self, passed: int) -> None:
        """Count bytes passed on, and reset all connections when it is time."""
        with self._lock:
            before = self.passed
            self.passed += passed
            if self.reset_every and before // self.reset_every < self.passed // self.reset_every:
                for connection in self._open:
                    connection.reset()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.create_connection(self.server) as server:
            connection = _Connection(self, client, server)
            with self._lock:
                self._open.add(connection)
            requests = threading.Thread(target=connection.pass_requests, daemon=True)
            requests.start()
            connection.pass_answers()
            requests.join()
            with self._lock:
                self._open.discard(connection)


class _Connection:
    """A client's connection and the one to the server that belongs to it."""

    def __init__(self, link: Link, client: socket.socket, server: socket.socket) -> None:
        self._link = link
        self._client = client
        self._server = server
        self._is_reset = False
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # What lies in the buffer when the link is reset is lost: no more than on a real link.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)

    def reset(self) -> None:
        """Make both loops end, and the client's connection end with RST instead of FIN."""
        self._is_reset = True
        with contextlib.suppress(OSError):
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._end()

    def pass_requests(self) -> None:
        """Pass on what the client sends, late by the link's latency, until it sends no more."""
        latency = self._link.latency
        with contextlib.suppress(OSError):
            # The handshake of a new connection takes the way there and back once before anything can be sent.
            time.sleep(latency)
            while data := self._client.recv(_REQUEST):
                time.sleep(latency)
                # What arrived in the meantime belongs to the same request.
                with contextlib.suppress(BlockingIOError):
                    data += self._client.recv(_REQUEST, socket.MSG_DONTWAIT)
                self._server.sendall(data)
        self._end()

    def pass_answers(self) -> None:
        """Pass on what the server sends, at the link's rate, until it sends no more."""
        outlet, inlet = os.pipe()
        try:
            fcntl.fcntl(inlet, fcntl.F_SETPIPE_SZ, _SLICE)
            due = 0.0
            with contextlib.suppress(OSError):
                while taken := os.splice(self._server.fileno(), inlet, _SLICE):
                    if self._link.rate:
                        due = max(due, time.monotonic() - _CREDIT_SECONDS) + taken / self._link.rate
                        time.sleep(max(0.0, due - time.monotonic()))
                    if self._is_reset:
                        break
                    self._link.count(taken)
                    while taken:
                        taken -= os.splice(outlet, self._client.fileno(), taken)
        finally:
            os.close(outlet)
            os.close(inlet)
        self._end()

    def _end(self) -> None:
        # Only wakes up whoever waits on them; the sockets are closed when both loops have ended.
        for end, how in ((self._client, socket.SHUT_RD), (self._server, socket.SHUT_RDWR)):
            with contextlib.suppress(OSError):
                end.shutdown(how)


def main() -> int:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.link_server", description="A slow or bad link.")
    parser.add_argument("server", metavar="HOST:PORT", help="where it leads")
    parser.add_argument("--rate", type=float, default=0, help="bytes a second and connection")
    parser.add_argument("--latency", type=float, default=0, help="seconds, there and back")
    parser.add_argument("--reset-every", type=int, default=0, help="bytes")
    options = parser.parse_args()
    host, _, port = options.server.partition(":")
    link = Link((host, int(port)), options.rate, options.latency, options.reset_every)
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        threading.Thread(target=link.accept, args=(listener,), daemon=True).start()
        print(listener.getsockname()[1], flush=True)
        for _ in sys.stdin:
            print(link.passed, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

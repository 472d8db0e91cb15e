"""An address that accepts no connection."""

import contextlib
import socket

_FILLERS = 8


class Unreachable:
    """A loopback address to which connecting times out.

    This is how an address behind a security group, or without a route, looks to a client: its packets are dropped and
    nothing answers. A closed port would be refused at once, which is another fault with another cure. Here the
    kernel drops the packets, because the backlog of a socket that nobody accepts from is full (listen(2)).

    Attributes:
        address: `127.0.0.1:PORT`.
    """

    def __init__(self) -> None:
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self._fillers: list[socket.socket] = []
        host, port = self._listener.getsockname()
        self.address = f"{host}:{port}"
        for _ in range(_FILLERS):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect((host, port))
            self._fillers.append(filler)

    def close(self) -> None:
        """Free the port."""
        for each in (*self._fillers, self._listener):
            each.close()

"""Faults that a test asks a registry for: refusals, cut connections, spoilt bytes."""

import asyncio
import re
import socket
import struct
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class BlobResponse(web.FileResponse):
    """A blob's file; keeps the path so that a fault can spoil what is sent."""

    def __init__(self, path: Path, headers: Mapping[str, str]) -> None:
        super().__init__(path, headers=dict(headers), chunk_size=1024 * 1024)
        self.path = path


@dataclass
class Fault:
    """One fault, used up after some requests.

    Attributes:
        method: HTTP method of the requests it strikes.
        path: Regular expression searched in their path.
        times: How many requests it strikes.
        status: Answer with this status instead.
        headers: Headers of that answer.
        body: Body of that answer.
        cut_after: Let this many bytes of the body pass (the answer's to a GET, else the request's), then end
            the connection.
        reset: End it with a TCP reset instead of a close.
        corrupt: Send the body with its first byte changed.
    """

    method: str
    path: str
    times: int = 1
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    cut_after: int | None = None
    reset: bool = False
    corrupt: bool = False


class FaultList:
    """The faults in force, and a count of requests for tests that must know what was asked."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self.requests: deque[str] = deque(maxlen=10_000)

    def add(self, fault: Fault) -> None:
        """Put a fault in force."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """No faults, no requests counted."""
        with self._lock:
            self._faults.clear()
            self.requests.clear()

    def take(self, request: web.Request) -> Fault | None:
        """The fault that strikes a request, one use less."""
        with self._lock:
            self.requests.append(f"{request.method} {request.path}")
            for fault in self._faults:
                if fault.method == request.method and re.search(fault.path, request.path):
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                    return fault
        return None

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Strike or pass on."""
        fault = self.take(request)
        if fault is None:
            return await handler(request)
        if fault.status is not None:
            return web.Response(status=fault.status, headers=dict(fault.headers), text=fault.body)
        if request.method != "GET":
            await _read(request, fault.cut_after or 0)
            return await _end(request, fault.reset)
        return await _spoil(request, await handler(request), fault)


async def _read(request: web.Request, count: int) -> None:
    while count > 0 and (chunk := await request.content.read(count)):
        count -= len(chunk)


async def _spoil(request: web.Request, whole: web.StreamResponse, fault: Fault) -> web.StreamResponse:
    """Send an answer's body, or the range of it that was asked for, with the fault in it."""
    if isinstance(whole, BlobResponse):
        content = bytearray(whole.path.read_bytes())
    else:
        assert isinstance(whole, web.Response)
        assert whole.body is None or isinstance(whole.body, bytes), f"the body of {request.path} is a stream"
        content = bytearray(whole.body or b"")
    headers = {name: value for name, value in whole.headers.items() if name != "Content-Length"}
    response = web.StreamResponse(status=whole.status, headers=headers)
    wanted = request.http_range
    if wanted != slice(None, None, 1):
        start, end, _ = wanted.indices(len(content))
        response.set_status(206)
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
        content = content[start:end]
    response.content_length = len(content)
    await response.prepare(request)
    if fault.corrupt and content:
        content[0] ^= 1
    await response.write(bytes(content[: fault.cut_after]))
    if fault.cut_after is not None:
        # Let the bytes leave: a reset drops what the kernel has not sent yet.
        await asyncio.sleep(0.05)
        return await _end(request, fault.reset)
    return response


async def _end(request: web.Request, reset: bool) -> web.StreamResponse:
    transport = request.transport
    assert transport is not None
    if reset:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    # aiohttp wants an answer even though nobody can receive it any more.
    return web.Response(status=500)

"""An aiohttp application served from its own thread."""

import asyncio
import threading
from collections.abc import Sequence

from aiohttp import web


class Server:
    """Serves an application on loopback ports that the OS chooses."""

    def __init__(self, application: web.Application, ports: int = 1) -> None:
        self._application = application
        self._wanted = ports
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="registry", daemon=True)
        self._ready = threading.Event()
        self._stopping = asyncio.Event()
        self._failure: BaseException | None = None
        self.ports: Sequence[int] = ()

    def start(self) -> None:
        """Listen; returns when connections are accepted."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise RuntimeError("the registry's server did not start") from self._failure

    def stop(self) -> None:
        """Close all connections and end the thread."""
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:  # handed to the thread that called start
            self._failure = failure
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        # No access log; no grace for clients that keep connections open.
        runner = web.AppRunner(self._application, access_log=None, shutdown_timeout=0)
        await runner.setup()
        try:
            for _ in range(self._wanted):
                await web.TCPSite(runner, "127.0.0.1", 0, backlog=512).start()
            self.ports = [address[1] for address in runner.addresses]
            self._ready.set()
            await self._stopping.wait()
        finally:
            await runner.cleanup()

"""A threaded HTTP/1.1 server for WSGI applications, with keep-alive and real connection resets."""

import io
import os
import socket
import struct
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer


class ConnectionReset(Exception):  # noqa: N818  (an order to the server, not a failure)
    """Raised by the application to have the client's TCP connection reset instead of answered."""


class KeepAliveHandler(MotoRequestHandler):
    """Answers many requests on one connection.

    Werkzeug's own handler closes the connection after each answer and waits 10 ms for stray input before it;
    with boto3 that costs more than the whole request. Here the request body is read whole before the
    application runs, so that nothing of it can be taken for the next request.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        """Run the application once and send its answer in a single write."""
        environ = self.make_environ()
        chunked = environ.pop("wsgi.input_terminated", False)
        body = environ["wsgi.input"].read(-1 if chunked else int(environ.get("CONTENT_LENGTH") or 0))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = io.BytesIO(body)
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
            started[:] = [status, headers]

        try:
            answer = self.server.app(environ, start_response)
            content = b"".join(answer)
            if hasattr(answer, "close"):
                answer.close()
        except ConnectionReset:
            self._reset_connection()
            return
        status, headers = started
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for key, value in headers:
            if key.lower() not in ("connection", "transfer-encoding"):
                self.send_header(key, value)
        if not any(key.lower() == "content-length" for key, _ in headers) and int(code) not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        # BaseHTTPRequestHandler collects the header lines; content sent with them fits one packet.
        self._headers_buffer.append(b"\r\n")
        if self.command != "HEAD":
            self._headers_buffer.append(content)
        self.flush_headers()

    def _reset_connection(self) -> None:
        """Close the socket so that the peer gets RST: lingering for zero seconds discards the send queue."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the audit of calls is the log."""


class KeepAliveServer(ThreadedWSGIServer):
    """A server whose open connections end when it is closed, instead of outliving it."""

    def __init__(self, host: str, app: Any) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__(host, 0, app, KeepAliveHandler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection and remember it."""
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def close_request(self, request: Any) -> None:
        """Forget a connection that has ended."""
        self._connections.discard(request)
        super().close_request(request)

    def server_close(self) -> None:
        """Close the listener and every open connection."""
        super().server_close()
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was faster

"""A webhook of a real kube-apiserver: reviews on loopback, answered by a function."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Review = dict[str, Any]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class ReviewWebhook:
    """Serves reviews.

    Args:
        name: What it is for.
        answer: Takes a review and gives it back with its status.
    """

    def __init__(self, name: str, answer: Callable[[Review], Review]) -> None:
        self._name = name
        self._server = _Server(("127.0.0.1", 0), _handler(answer))
        self._thread = threading.Thread(target=self._server.serve_forever, name=f"{name}-webhook", daemon=True)

    def start(self) -> None:
        """Start serving."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def write_config(self, path: Path) -> None:
        """Write the kubeconfig that tells a kube-apiserver where to ask."""
        server = f"http://127.0.0.1:{self._server.server_address[1]}/{self._name}"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": self._name, "cluster": {"server": server}}],
            "users": [{"name": "kube-apiserver", "user": {}}],
            "contexts": [{"name": "webhook", "context": {"cluster": self._name, "user": "kube-apiserver"}}],
            "current-context": "webhook",
        }
        path.write_text(json.dumps(config))


def _handler(answer: Callable[[Review], Review]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(answer(review)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    return Handler

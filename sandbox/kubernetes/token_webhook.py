"""The token webhook of a real kube-apiserver: TokenReviews on loopback, as aws-iam-authenticator answers them."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sandbox.authenticator import Identity, Refused


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class TokenWebhook:
    """Serves TokenReviews.

    Args:
        authenticate: Tells whose a token is.
    """

    def __init__(self, authenticate: Callable[[str], Identity]) -> None:
        self._server = _Server(("127.0.0.1", 0), _handler(authenticate))
        self._thread = threading.Thread(target=self._server.serve_forever, name="token-webhook", daemon=True)

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
        server = f"http://127.0.0.1:{self._server.server_address[1]}/authenticate"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "authenticator", "cluster": {"server": server}}],
            "users": [{"name": "kube-apiserver", "user": {}}],
            "contexts": [{"name": "webhook", "context": {"cluster": "authenticator", "user": "kube-apiserver"}}],
            "current-context": "webhook",
        }
        path.write_text(json.dumps(config))


def review_token(authenticate: Callable[[str], Identity], review: dict[str, Any]) -> dict[str, Any]:
    """Answer a TokenReview; a refusal carries an error, without which the API server would remember it."""
    try:
        identity = authenticate(review["spec"].get("token", ""))
    except Refused as error:
        return {**review, "status": {"authenticated": False, "error": str(error) or "refused"}}
    user = {"username": identity.username, "uid": identity.uid, "groups": list(identity.groups)}
    return {**review, "status": {"authenticated": True, "user": user}}


def _handler(authenticate: Callable[[str], Identity]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(review_token(authenticate, review)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    return Handler

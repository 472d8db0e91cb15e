"""Where the API server fetches the containers' logs: the kubelets' HTTPS port, one for all nodes."""

import select
import ssl
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox.certificate_authority import CertificateAuthority
from sandbox.kubelet.container_log import LogOptions
from sandbox.kubelet.pod import Pod

FindPod = Callable[[str, str], Pod | None]


class LogServer:
    """Serves `GET /containerLogs/NAMESPACE/POD/CONTAINER` with the parameters of a pod's `log` subresource.

    Source: kubernetes, pkg/kubelet/server/server.go (`getContainerLogs`), with its texts.

    Attributes:
        port: Its port on 127.0.0.1, for `status.daemonEndpoints.kubeletEndpoint.Port`.
    """

    def __init__(self, authority: CertificateAuthority, find_pod: FindPod) -> None:
        certificate, key = authority.issue("kubelet", ["127.0.0.1", "localhost"])
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._server = _Server(self._context, find_pod)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, name="kubelet logs", daemon=True)

    def start(self) -> None:
        """Serve, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, context: ssl.SSLContext, find_pod: FindPod) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        # Handshakes are made by the thread of the request, so that a slow client holds up nobody.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.find_pod = find_pod

    def handle_error(self, request: object, client_address: object) -> None:
        """A reader that went away is no error."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        parts = [unquote(part) for part in url.path.split("/")[1:]]
        if len(parts) != 4 or parts[0] != "containerLogs":
            self._answer(HTTPStatus.NOT_FOUND, "404 page not found\n")
            return
        _, namespace, pod_name, container = parts
        try:
            options = LogOptions.from_query(dict(parse_qsl(url.query)))
        except ValueError:
            self._answer(HTTPStatus.BAD_REQUEST, '{"message": "Unable to decode query."}\n')
            return
        pod = self.server.find_pod(namespace, pod_name)
        if pod is None:
            self._answer(HTTPStatus.NOT_FOUND, f'pod "{pod_name}" does not exist\n')
            return
        try:
            log = pod.log(container)
        except KeyError:
            self._answer(HTTPStatus.NOT_FOUND, f'container "{container}" not found in pod "{pod_name}"\n')
            return
        if log is None:
            reason = pod.waiting_reason(container)
            message = f'container "{container}" in pod "{pod_name}" is waiting to start: {_told(reason)}'
            self._answer(HTTPStatus.BAD_REQUEST, message)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in log.read(options):
            if not chunk and select.select([self.connection], [], [], 0)[0]:
                return  # The reader has gone.
            if chunk:
                self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def _answer(self, status: HTTPStatus, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: requests are not logged."""


def _told(reason: str) -> str:
    """How the kubelet words a waiting reason (pkg/kubelet/kubelet_pods.go, `validateContainerLogStatus`)."""
    return {
        "ErrImagePull": "image can't be pulled",
        "ImagePullBackOff": "trying and failing to pull image",
    }.get(reason, reason)

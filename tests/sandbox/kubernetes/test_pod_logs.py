"""Pod logs are fetched from the node's kubelet over TLS."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import kubernetes
import pytest

from sandbox.kubernetes.client import ApiError


class Kubelet(BaseHTTPRequestHandler):
    """Answers what it was asked."""

    def do_GET(self):
        answer = f"{self.path}\n".encode()
        self.send_response(400 if "broken" in self.path else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture
def kubelet(cluster):
    """A kubelet that wants the API server's client certificate; its node and two pods."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Kubelet)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*cluster.authority.issue("kubelet", ["127.0.0.1"]))
    context.load_verify_locations(cluster.authority.ca_file)
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    admin, namespace = cluster.client(), cluster.namespace("batch")
    admin.post("/api/v1/nodes", {"metadata": {"name": "n1"}})
    endpoint = {"kubeletEndpoint": {"Port": server.server_address[1]}}
    addresses = [{"type": "InternalIP", "address": "127.0.0.1"}]
    admin.patch("/api/v1/nodes/n1/status", {"status": {"addresses": addresses, "daemonEndpoints": endpoint}})
    for name, containers in (("one", ["c"]), ("two", ["a", "b"]), ("broken", ["c"])):
        spec = {"nodeName": "n1", "containers": [{"name": container, "image": "i"} for container in containers]}
        admin.post(f"/api/v1/namespaces/{namespace}/pods", {"metadata": {"name": name}, "spec": spec})
    yield server
    server.shutdown()
    server.server_close()


def test_the_kubelet_is_asked_for_the_log(cluster, kubelet):
    core = kubernetes.client.CoreV1Api(cluster.official())
    assert core.read_namespaced_pod_log("one", "batch", tail_lines=5) == "/containerLogs/batch/one/c?tailLines=5\n"
    assert core.read_namespaced_pod_log("two", "batch", container="b").startswith("/containerLogs/batch/two/b")


def test_a_container_has_to_be_chosen(cluster, kubelet):
    with pytest.raises(ApiError, match=r"a container name must be specified for pod two, choose one of: \[a b\]"):
        cluster.client().text("/api/v1/namespaces/batch/pods/two/log")


def test_what_the_kubelet_refuses_is_told(cluster, kubelet):
    with pytest.raises(ApiError) as refused:
        cluster.client().text("/api/v1/namespaces/batch/pods/broken/log")
    assert refused.value.status == 400
    assert "/containerLogs/batch/broken/c" in refused.value.message


def test_kubectl_logs(kubectl, kubelet):
    answer = kubectl("logs", "one", "-n", "batch")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("/containerLogs/batch/one/c")

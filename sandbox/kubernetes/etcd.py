"""An etcd process and what a reset needs of its store."""

import base64
import subprocess
from pathlib import Path

import httpx

from sandbox.kubernetes.child_process import start_child, stop_child, wait_until

# What a running kube-apiserver keeps up by itself; everything else under /registry/ is put back by a reset.
_OWN_UPKEEP = (
    "/registry/masterleases/",
    "/registry/ranges/",
    "/registry/apiregistration.k8s.io/",
    "/registry/flowschemas/",
    "/registry/prioritylevelconfigurations/",
    "/registry/services/",
    "/registry/endpointslices/",
)


class Etcd:
    """One etcd with its data in a directory, without TLS on loopback, without fsync.

    Args:
        binary: The `etcd` program.
        directory: Where its data and its log go.
        client_port: Port for clients.
        peer_port: Port for peers, of which there are none.
    """

    def __init__(self, binary: Path, directory: Path, client_port: int, peer_port: int) -> None:
        self.url = f"http://127.0.0.1:{client_port}"
        self._binary = binary
        self._directory = directory
        self._peer_url = f"http://127.0.0.1:{peer_port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._http = httpx.Client(base_url=self.url, timeout=10, trust_env=False)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._directory.mkdir(parents=True, exist_ok=True)
        command = [
            str(self._binary),
            f"--data-dir={self._directory / 'data'}",
            f"--listen-client-urls={self.url}",
            f"--advertise-client-urls={self.url}",
            f"--listen-peer-urls={self._peer_url}",
            f"--initial-advertise-peer-urls={self._peer_url}",
            f"--initial-cluster=default={self._peer_url}",
            "--unsafe-no-fsync",
        ]
        self._process = start_child(command, self._directory / "etcd.log")
        wait_until(self._healthy, self._process, self._directory / "etcd.log")

    def stop(self) -> None:
        """Stop it."""
        self._http.close()
        stop_child(self._process)

    def contents(self) -> dict[str, str]:
        """Keys and values below /registry/, without a kube-apiserver's own upkeep; base64 as etcd gives it."""
        body = {"key": _encoded("/registry/"), "range_end": _encoded("/registry0")}
        found = self._post("range", body).get("kvs", [])
        return {pair["key"]: pair["value"] for pair in found if not _decoded(pair["key"]).startswith(_OWN_UPKEEP)}

    def restore(self, wanted: dict[str, str]) -> None:
        """Make the contents what they were; an API server's watches follow."""
        present = self.contents()
        operations: list[dict[str, dict[str, str]]] = []
        operations += [{"requestDeleteRange": {"key": key}} for key in present if key not in wanted]
        operations += [
            {"requestPut": {"key": key, "value": value}} for key, value in wanted.items() if present.get(key) != value
        ]
        for start in range(0, len(operations), 100):
            self._post("txn", {"success": operations[start : start + 100]})

    def _healthy(self) -> bool:
        try:
            return self._http.get("/health").status_code == 200
        except httpx.HTTPError:
            return False

    def _post(self, operation: str, body: object) -> dict[str, list[dict[str, str]]]:
        response = self._http.post(f"/v3/kv/{operation}", json=body)
        response.raise_for_status()
        document: dict[str, list[dict[str, str]]] = response.json()
        return document


def _encoded(key: str) -> str:
    return base64.b64encode(key.encode()).decode()


def _decoded(key: str) -> str:
    return base64.b64decode(key).decode()

"""Whether an image has really arrived: every byte of every manifest, and every blob with its size."""

import hashlib
import http.client
import json
from typing import Any

from benchmarks.errors import BenchmarkError
from benchmarks.image import INDEX, MANIFEST, REPOSITORY, TAG


def verify(address: str, digest: str) -> None:
    """Check a registry's REPOSITORY:TAG.

    Args:
        address: Host and port of the registry.
        digest: What the tag must resolve to.

    Raises:
        BenchmarkError: Something is missing or is not what it should be.
    """
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        document = _manifest(connection, TAG, digest)
        for child in document.get("manifests", ()):
            _check_blobs(connection, _manifest(connection, child["digest"], child["digest"]))
        _check_blobs(connection, document)
    finally:
        connection.close()


def _manifest(connection: http.client.HTTPConnection, reference: str, digest: str) -> dict[str, Any]:
    connection.request("GET", f"/v2/{REPOSITORY}/manifests/{reference}", headers={"Accept": f"{MANIFEST}, {INDEX}"})
    response = connection.getresponse()
    content = response.read()
    found = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if response.status != 200 or found != digest:
        raise BenchmarkError(f"{reference} at the destination is {found} ({response.status}), not {digest}")
    document: dict[str, Any] = json.loads(content)
    return document


def _check_blobs(connection: http.client.HTTPConnection, document: dict[str, Any]) -> None:
    for blob in [*document.get("layers", ()), *filter(None, [document.get("config")])]:
        connection.request("HEAD", f"/v2/{REPOSITORY}/blobs/{blob['digest']}")
        response = connection.getresponse()
        response.read()
        found = response.getheader("Content-Length")
        if response.status != 200 or found != str(blob["size"]):
            raise BenchmarkError(f"{blob['digest']} at the destination: {response.status}, {found} bytes")

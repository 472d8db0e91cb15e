"""ECR's API and the private registry: one store, seen from two sides."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import httpx
import moto.ecr.models
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.aws.ecr import Ecr, install
from sandbox.aws.server import AwsServer
from sandbox.registries.registry import PrivateRegistry

ACCOUNT = "123456789012"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"


@pytest.fixture(scope="session")
def _installed(aws: AwsServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ecr, PrivateRegistry, Any]]:
    registry = PrivateRegistry(tmp_path_factory.mktemp("ecr"))
    registry.start()
    yield install(aws, registry), registry, ecr_client(aws, "us-east-1")
    registry.stop()


def ecr_client(aws: AwsServer, region: str) -> Any:
    return boto3.client(
        "ecr",
        endpoint_url=aws.url,
        region_name=region,
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


@pytest.fixture
def private(_installed: tuple[Ecr, PrivateRegistry, Any]) -> PrivateRegistry:
    """The registry, empty: resetting the whole account for each test would take longer than the tests."""
    _installed[0].reset()
    moto.ecr.models.ecr_backends[ACCOUNT]["us-east-1"].reset()
    return _installed[1]


@pytest.fixture
def api(_installed: tuple[Ecr, PrivateRegistry, Any], private: PrivateRegistry) -> Any:
    return _installed[2]


@pytest.fixture
def http(private: PrivateRegistry, api: Any) -> Iterator[httpx.Client]:
    """A client that is logged in with a token of the API."""
    data = api.get_authorization_token()["authorizationData"][0]
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    with httpx.Client(base_url=data["proxyEndpoint"], auth=(user, password)) as client:
        yield client


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def push_blob(http: httpx.Client, repository: str, content: bytes) -> dict[str, Any]:
    location = http.post(f"/v2/{repository}/blobs/uploads/").headers["Location"]
    assert http.put(location, params={"digest": digest_of(content)}, content=content).status_code == 201
    return {"mediaType": "x/blob", "digest": digest_of(content), "size": len(content)}


def manifest(http: httpx.Client, repository: str, layer: bytes) -> str:
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": push_blob(http, repository, b"{}"),
        "layers": [push_blob(http, repository, layer)],
    }
    return json.dumps(document)


def push(http: httpx.Client, repository: str, tag: str, content: str, media_type: str = MANIFEST_TYPE) -> str:
    """Push a manifest by the registry; gives its digest."""
    answer = http.put(f"/v2/{repository}/manifests/{tag}", content=content, headers={"Content-Type": media_type})
    assert answer.status_code == 201, answer.text
    return answer.headers["Docker-Content-Digest"]


def refused(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]

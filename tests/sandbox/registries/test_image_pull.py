"""Pulls by a node in the private VPC, with the texts that its pods' events show."""

import json

import pytest

from sandbox.registries.image_pull import ImagePuller, PullError
from sandbox.registries.registry import PrivateRegistry

from .conftest import MANIFEST_TYPE, Pusher

ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


def message(private: PrivateRegistry, image: str) -> str:
    with pytest.raises(PullError) as caught:
        ImagePuller(private).pull(image)
    return str(caught.value)


def test_a_public_image_times_out_with_the_tutorials_text(private: PrivateRegistry) -> None:
    assert message(private, "public.ecr.aws/amazonlinux/amazonlinux:2") == (
        'Failed to pull image "public.ecr.aws/amazonlinux/amazonlinux:2": rpc error: code = Unknown desc = failed to '
        'pull and unpack image "public.ecr.aws/amazonlinux/amazonlinux:2": failed to resolve reference '
        '"public.ecr.aws/amazonlinux/amazonlinux:2": failed to do request: Head '
        '"https://public.ecr.aws/v2/amazonlinux/amazonlinux/manifests/2": dial tcp: i/o timeout'
    )


def test_a_short_name_is_docker_hubs(private: PrivateRegistry) -> None:
    assert message(private, "busybox") == (
        'Failed to pull image "busybox": rpc error: code = Unknown desc = failed to pull and unpack image '
        '"docker.io/library/busybox:latest": failed to resolve reference "docker.io/library/busybox:latest": failed '
        'to do request: Head "https://registry-1.docker.io/v2/library/busybox/manifests/latest": dial tcp: i/o timeout'
    )


def test_another_accounts_registry_is_not_ours(private: PrivateRegistry) -> None:
    assert message(private, "210987654321.dkr.ecr.us-east-1.amazonaws.com/app:1").endswith("dial tcp: i/o timeout")


@pytest.mark.parametrize("image", ["team/app:v2", "team/app", "not/there:v1", f"team/app@sha256:{'0' * 64}"])
def test_what_is_not_in_the_private_registry_is_not_found(pusher: Pusher, image: str) -> None:
    pusher.image("team/app", "v1")
    name = f"{ECR}/{image}" + ("" if ":" in image else ":latest")
    assert message(pusher.registry, f"{ECR}/{image}") == (
        f'Failed to pull image "{ECR}/{image}": rpc error: code = NotFound desc = failed to pull and unpack image '
        f'"{name}": failed to resolve reference "{name}": {name}: not found'
    )


@pytest.mark.parametrize("image", ["", "Upper/Case", f"{ECR}/a//b"])
def test_what_is_no_reference_is_an_invalid_name(private: PrivateRegistry, image: str) -> None:
    assert "invalid reference format" in message(private, image)


def test_an_image_is_pulled_by_either_host_by_tag_or_digest(pusher: Pusher) -> None:
    config = {
        "os": "linux",
        "architecture": "amd64",
        "config": {"Entrypoint": ["/run"], "Cmd": ["a", "b"], "Env": ["A=1"], "WorkingDir": "/work"},
    }
    digest = pusher.image("team/app", "v1", config=config)
    names = (f"{ECR}/team/app:v1", f"{pusher.registry.address}/team/app@{digest}")
    for image in (*names, f"{ECR}/team/app:other@{digest}"):
        pulled = ImagePuller(pusher.registry).pull(image)
        assert (pulled.entrypoint, pulled.cmd, pulled.env) == (["/run"], ["a", "b"], ["A=1"])
        assert (pulled.working_dir, pulled.digest) == ("/work", digest)


def test_the_nodes_platform_is_chosen_out_of_an_index(pusher: Pusher) -> None:
    entries = []
    for architecture in ("arm64", "amd64"):
        config = {"os": "linux", "architecture": architecture, "config": {"Cmd": [architecture]}}
        digest = pusher.image("team/app", architecture, config=config)
        platform = {"os": "linux", "architecture": architecture}
        entries.append({"mediaType": MANIFEST_TYPE, "digest": digest, "size": 1, "platform": platform})
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries}
    top = pusher.manifest("team/app", "v1", index).headers["Docker-Content-Digest"]
    pulled = ImagePuller(pusher.registry).pull(f"{ECR}/team/app:v1")
    assert (pulled.cmd, pulled.digest, pulled.working_dir) == (["amd64"], top, "/")
    pusher.manifest("team/app", "arm", json.loads(json.dumps(index)) | {"manifests": entries[:1]})
    for tag in ("arm", "arm64"):
        assert message(pusher.registry, f"{ECR}/team/app:{tag}") == (
            f'Failed to pull image "{ECR}/team/app:{tag}": rpc error: code = NotFound desc = failed to pull and unpack '
            f'image "{ECR}/team/app:{tag}": no match for platform in manifest: not found'
        )

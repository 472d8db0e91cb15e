"""Copies to and from Debian's docker-registry, checked by the tools that people use."""

import os
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from registry.client import RegistryClient
from registry.copy import copy_image
from registry.docker_config import DockerConfig
from registry.errors import NotFoundError, UnauthorizedError, UnavailableError
from registry.hosts import Hosts
from registry.reference import Reference

from .conftest import DockerRegistry, World, serve_docker_registry

IMAGE = Reference.parse("public.ecr.aws/amazonlinux/amazonlinux:2")


PASSWORD = "s3cret-pass"
# "me" with that password, as `htpasswd -B` writes it.
HTPASSWD = "me:$2y$05$abcdefghijklmnopqrstuuV7fpPozvyqJfnY19y0802WTlXUm6Rjy\n"


def check(*command: str) -> bytes:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run(command, capture_output=True, check=True, env=os.environ).stdout


def test_an_index_goes_through_two_kinds_of_registry_unchanged(world: World, docker_registry: str) -> None:
    client = world.client()
    there = Reference.parse(f"{docker_registry}/mirror/amazonlinux:2")
    out = copy_image(client, IMAGE, there)
    back = copy_image(client, there, world.destination())
    assert out.digest == back.digest == world.tags()["v1"]
    assert (out.blobs_copied, back.blobs_copied) == (6, 6)
    assert copy_image(client, IMAGE, there).blobs_copied == 0


def test_it_mounts_where_the_registry_mounts(world: World, docker_registry: str) -> None:
    client = world.client()
    first = Reference.parse(f"{docker_registry}/a/amazonlinux:2")
    copy_image(client, IMAGE, first)
    result = copy_image(client, first, Reference.parse(f"{docker_registry}/b/amazonlinux:2"))
    assert (result.blobs_copied, result.blobs_skipped) == (0, 6)


def test_a_missing_image_there_is_named(world: World, docker_registry: str) -> None:
    with pytest.raises(NotFoundError, match="no such image"):
        copy_image(world.client(), Reference.parse(f"{docker_registry}/no/such:1"), world.destination())


def test_skopeo_reads_the_same_bytes(world: World, docker_registry: str) -> None:
    there = Reference.parse(f"{docker_registry}/mirror/amazonlinux:2")
    result = copy_image(world.client(), IMAGE, there)
    raw = check("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{there}")
    source = world.upstream.repositories.find("amazonlinux/amazonlinux")
    assert source is not None
    assert raw == source.manifests[result.digest].content


def test_crane_finds_every_layer_right(world: World, docker_registry: str) -> None:
    there = f"{docker_registry}/mirror/amazonlinux:2"
    copy_image(world.client(), IMAGE, Reference.parse(there))
    assert b"PASS" in check("crane", "validate", "--insecure", "--remote", there)


def test_a_full_disk_is_named_and_a_repetition_goes_on(world: World, docker_registry_process: DockerRegistry) -> None:
    """A limit on the size of its files stands in for the disk: both make a write fail in mid-upload."""
    world.publish("big/image", "1", [bytes(100), bytes(300_000)])
    source = Reference.parse("public.ecr.aws/big/image:1")
    there = Reference.parse(f"{docker_registry_process.address}/big/image:1")
    unlimited = resource.RLIM_INFINITY
    resource.prlimit(docker_registry_process.pid, resource.RLIMIT_FSIZE, (100_000, unlimited))
    with pytest.raises(UnavailableError, match=r"500 .*file too large.*tried 5 times.*repeat it later"):
        copy_image(world.client(), source, there)
    assert world.client().digest_of(there) is None
    resource.prlimit(docker_registry_process.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
    assert copy_image(world.client(), source, there).blobs_copied <= 2
    assert world.client().digest_of(there) is not None


@pytest.mark.parametrize(
    "login",
    [
        "skopeo login --tls-verify=false --authfile {file} --username me --password-stdin {host}",
        "crane auth login {host} --username me --password-stdin",
        "oras login --plain-http --registry-config {file} --username me --password-stdin {host}",
    ],
    ids=lambda command: command.split()[0],
)
def test_what_a_login_wrote_is_read(world: World, tmp_path: Path, login: str) -> None:
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    settings = f"auth: {{htpasswd: {{realm: tests, path: '{tmp_path / 'htpasswd'}'}}}}\n"
    file = tmp_path / "config.json"
    with serve_docker_registry(tmp_path, settings) as served:
        command = login.format(file=file, host=served.address).split()
        if shutil.which(command[0]) is None:
            pytest.skip(f"{command[0]} is not installed")
        environment = {**os.environ, "DOCKER_CONFIG": str(tmp_path)}
        subprocess.run(command, input=PASSWORD.encode(), check=True, capture_output=True, env=environment)
        there = Reference.parse(f"{served.address}/team/app:1")
        with pytest.raises(UnauthorizedError, match="no credentials for this host"):
            copy_image(world.client(), IMAGE, there)
        hosts = Hosts({"public.ecr.aws": f"http://{world.upstream.address}"})
        with RegistryClient(hosts, DockerConfig.read(file)) as client:
            assert copy_image(client, IMAGE, there).blobs_copied == 6

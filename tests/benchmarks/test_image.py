"""Images that are generated: what docker-registry serves of them, and that they are generated once."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.docker_registry import DockerRegistry
from benchmarks.image import ImageSpec, StoredImage, stored_image
from benchmarks.verification import verify

from .conftest import SPEC

Serve = Callable[[Path], DockerRegistry]


def blobs(image: StoredImage) -> list[Path]:
    return sorted(image.directory.rglob("data"))


def test_an_index_of_platforms_that_share_a_layer(image: StoredImage) -> None:
    # 1 shared and 3 x 2 layers, 3 configurations, 3 manifests, 1 index.
    assert len(blobs(image)) == 14
    layers = 3 * 320_000 + 50_000
    assert layers < image.size < layers * 1.05


def test_a_single_platform_has_no_index(tmp_path: Path) -> None:
    assert len(blobs(stored_image(tmp_path, ImageSpec((1000,) * 5)))) == 7


def test_it_is_made_once_and_always_the_same(image: StoredImage, tmp_path: Path) -> None:
    before = [path.stat().st_mtime_ns for path in blobs(image)]
    assert stored_image(tmp_path, SPEC) == image
    assert [path.stat().st_mtime_ns for path in blobs(image)] == before
    assert stored_image(tmp_path / "elsewhere", SPEC).digest == image.digest


def test_one_that_was_interrupted_is_made_again(image: StoredImage, tmp_path: Path) -> None:
    (image.directory / "image.json").unlink()
    blobs(image)[0].unlink()
    assert stored_image(tmp_path, SPEC) == image
    assert len(blobs(image)) == 14


@pytest.mark.parametrize("spec", [SPEC, ImageSpec((30_000, 0))])
def test_crane_finds_every_layer_right(spec: ImageSpec, tmp_path: Path, serve: Serve) -> None:
    if shutil.which("crane") is None:
        pytest.skip("crane is not installed")
    address = serve(stored_image(tmp_path, spec).directory).address
    command = ["crane", "validate", "--insecure", "--remote", f"{address}/team/app:v1"]
    assert b"PASS" in subprocess.run(command, capture_output=True, check=True).stdout


def test_it_is_verified_to_the_last_blob(image: StoredImage, serve: Serve) -> None:
    registry = serve(image.directory)
    verify(registry.address, image.digest)
    # Two reads of manifests above the three children, then each child's configuration and layers.
    assert registry.requests() == 1 + 3 + 3 * 4

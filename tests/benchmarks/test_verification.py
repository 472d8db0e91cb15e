"""An image that did not arrive is noticed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.docker_registry import DockerRegistry
from benchmarks.errors import BenchmarkError
from benchmarks.image import StoredImage
from benchmarks.verification import verify

Serve = Callable[[Path], DockerRegistry]


def data_of(image: StoredImage, digest: str) -> Path:
    (path,) = image.directory.rglob(f"{digest.removeprefix('sha256:')}/data")
    return path


def smallest_blob(image: StoredImage) -> Path:
    return min(image.directory.rglob("data"), key=lambda path: path.stat().st_size)


def biggest_blob(image: StoredImage) -> Path:
    return max(image.directory.rglob("data"), key=lambda path: path.stat().st_size)


def test_a_whole_image_passes(image: StoredImage, serve: Serve) -> None:
    verify(serve(image.directory).address, image.digest)


def test_another_digest_under_the_tag(image: StoredImage, serve: Serve) -> None:
    with pytest.raises(BenchmarkError, match=f"v1 at the destination is {image.digest} .200., not sha256:0000"):
        verify(serve(image.directory).address, "sha256:" + "0" * 64)


@pytest.mark.parametrize("blob", [smallest_blob, biggest_blob])
def test_a_blob_that_is_missing(image: StoredImage, serve: Serve, blob: Callable[[StoredImage], Path]) -> None:
    blob(image).unlink()
    with pytest.raises(BenchmarkError, match="at the destination: 404"):
        verify(serve(image.directory).address, image.digest)


def test_a_blob_of_another_size(image: StoredImage, serve: Serve) -> None:
    with biggest_blob(image).open("ab") as file:
        file.write(b"more")
    with pytest.raises(BenchmarkError, match=r"at the destination: 200, [0-9]+ bytes"):
        verify(serve(image.directory).address, image.digest)


def test_changed_bytes_of_the_index(image: StoredImage, serve: Serve) -> None:
    index = data_of(image, image.digest)
    index.write_bytes(index.read_bytes() + b" ")
    with pytest.raises(BenchmarkError, match="v1 at the destination is"):
        verify(serve(image.directory).address, image.digest)

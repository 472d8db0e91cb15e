"""Registries of the benchmark's own, with small images."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.docker_registry import DockerRegistry
from benchmarks.image import ImageSpec, StoredImage, stored_image
from sandbox.guardian import Guardian

SPEC = ImageSpec((300_000, 20_000), (50_000,), platforms=3)


@pytest.fixture
def guardian() -> Iterator[Guardian]:
    guardian = Guardian()
    guardian.start()
    yield guardian
    guardian.stop()


@pytest.fixture
def image(tmp_path: Path) -> StoredImage:
    """An index of three platforms, with a layer that they share."""
    return stored_image(tmp_path, SPEC)


@pytest.fixture
def serve(tmp_path: Path, guardian: Guardian) -> Iterator[Callable[[Path], DockerRegistry]]:
    """Serves a directory with docker-registry."""
    if shutil.which("docker-registry") is None:
        pytest.skip("docker-registry is not installed")
    with ExitStack() as running:
        yield lambda directory: running.enter_context(DockerRegistry(directory, tmp_path / "state", guardian))

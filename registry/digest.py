"""Digests: computing them, and passing bytes on only while they may still be right."""

import hashlib
from collections.abc import Iterable

from registry.errors import DigestMismatchError, UnavailableError
from registry.transport import Chunks


def compute(content: bytes, like: str = "sha256") -> str:
    """Digest of some bytes, by the algorithm of another digest."""
    algorithm = like.partition(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def verified(chunks: Iterable[bytes | memoryview], resource: str, digest: str, size: int) -> Chunks:
    """Pass a blob's bytes on while hashing them, the last chunk only once all of them are right.

    A receiver that was promised `size` bytes therefore never has a wrong blob whole.

    Args:
        chunks: The bytes as they arrive; a view is done with when the next one is asked for.
        resource: Name for errors.
        digest: What they must hash to.
        size: How many they must be.

    Raises:
        DigestMismatchError: They are others, or more.
        UnavailableError: They are fewer: the body was cut off.
    """
    hashing = hashlib.new(digest.partition(":")[0])
    arrived = 0
    for chunk in chunks:
        hashing.update(chunk)
        arrived += len(chunk)
        if arrived > size:
            raise DigestMismatchError(
                resource,
                f"more than the {size} bytes that the manifest promises",
                "the registry or something in between serves other content under this digest",
                "pull it with another tool to compare, and tell the image's publisher",
            )
        if arrived == size:
            _check(resource, digest, hashing.hexdigest())
        yield chunk
    if arrived < size:
        raise UnavailableError(resource, f"the body ended after {arrived} of {size} bytes")
    _check(resource, digest, hashing.hexdigest())


def _check(resource: str, digest: str, found: str) -> None:
    if found != digest.partition(":")[2]:
        raise DigestMismatchError(
            resource,
            f"its bytes hash to {digest.partition(':')[0]}:{found}",
            "the registry or something in between serves other content under this digest",
            "nothing was stored at the destination; pull it with another tool to compare",
        )

"""Image references, read as Docker reads them.

Grammar and normalisation are those of github.com/distribution/reference (`ParseNormalizedNamed`): a first
component without a dot, colon or capital that is not `localhost` is no host; short names belong to docker.io
and, without a slash, to its `library/`.
"""

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import Self

_DOMAIN_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = re.compile(rf"({_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[[a-fA-F0-9:]+\])(?::([0-9]+))?")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}")
_IMAGE_ID = re.compile(r"[a-f0-9]{64}")
_LONGEST_NAME = 255
DEFAULT_HOST = "docker.io"
TAG_RULE = "a tag is at most 128 letters, digits, '_', '.' and '-', not starting with '.' or '-'"


class InvalidReferenceError(ValueError):
    """A text that is no image reference; the message says why."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"{text!r} is no image reference: {reason}")


@dataclass(frozen=True)
class Reference:
    """An image in a registry, by tag, by digest, or by both (the digest then decides).

    Attributes:
        host: The registry's host, with its port if it has one.
        repository: Path of the repository.
        tag: The tag, `latest` when neither a tag nor a digest was written.
        digest: The digest, if one was written.
    """

    host: str
    repository: str
    tag: str | None
    digest: str | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a reference such as `busybox`, `quay.io/a/b:1` or `localhost:5000/a@sha256:...`.

        Raises:
            InvalidReferenceError: It breaks a rule of the grammar.
        """
        if "://" in text:
            raise InvalidReferenceError(text, "it starts with a scheme; write HOST/REPOSITORY:TAG only")
        if _IMAGE_ID.fullmatch(text):
            raise InvalidReferenceError(text, "64 hexadecimal digits are an image id, not a name")
        name, at, digest = text.partition("@")
        if at and not is_digest(digest):
            raise InvalidReferenceError(text, "after '@' must stand sha256:<64 hexadecimal digits, in lower case>")
        host, path = _split_host(name)
        path, colon, tag = path.partition(":")
        if colon and not is_tag(tag):
            raise InvalidReferenceError(text, TAG_RULE)
        if host == DEFAULT_HOST and path and "/" not in path:
            path = f"library/{path}"
        if not _is_host(host):
            raise InvalidReferenceError(text, f"{host!r} is no host")
        if path != path.lower():
            raise InvalidReferenceError(text, "the repository's name must be in lower case")
        if not _REPOSITORY.fullmatch(path):
            raise InvalidReferenceError(text, f"{path!r} is no repository name")
        if len(path) > _LONGEST_NAME:
            raise InvalidReferenceError(text, f"the repository's name is longer than {_LONGEST_NAME} characters")
        return cls(host, path, tag or (None if digest else "latest"), digest or None)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"

    @property
    def name(self) -> str:
        """Host and repository."""
        return f"{self.host}/{self.repository}"

    @property
    def identifier(self) -> str:
        """What a registry is asked for: the digest if there is one, else the tag."""
        return self.digest or self.tag or "latest"

    def with_digest(self, digest: str) -> Self:
        """The same reference, pinned to a digest."""
        return replace(self, digest=digest)

    def with_tag(self, tag: str) -> Self:
        """Another tag of the same repository, whatever digest it has."""
        return replace(self, tag=tag, digest=None)


def is_tag(text: str) -> bool:
    """Whether a text can be a tag (OCI distribution specification, "Pulling manifests")."""
    return _TAG.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    """Whether a text is a digest that can be verified here (sha256, sha512: OCI's registered algorithms)."""
    return _DIGEST.fullmatch(text) is not None


def _is_host(text: str) -> bool:
    """Whether a text follows the grammar and can be connected to.

    The grammar has no bounds: a port is at most 65535, a DNS label 63 and a name 253 characters long (RFC 1035).
    """
    match = _HOST.fullmatch(text)
    if match is None:
        return False
    name, port = match.groups()
    if port and not 0 < int(port[:6]) <= 65535:
        return False
    if name.startswith("["):
        try:
            return bool(ipaddress.IPv6Address(name[1:-1]))
        except ValueError:
            return False
    return len(name) <= 253 and max(map(len, name.split("."))) <= 63


def _split_host(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    named = "." in first or ":" in first or first == "localhost" or first != first.lower()
    if not slash or not named:
        return DEFAULT_HOST, name
    return (DEFAULT_HOST if first == "index.docker.io" else first), rest

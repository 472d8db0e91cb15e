"""What can go wrong between two registries: each error says what, why, and what to do next."""


class RegistryError(Exception):
    """A request to a registry failed.

    Attributes:
        resource: What was asked for, such as an image reference; never a URL with a query, never a secret.
        answered: What the registry, or the network, answered.
        cause: Why.
        next_step: What to do about it.
    """

    def __init__(self, resource: str, answered: str, cause: str = "", next_step: str = "") -> None:
        super().__init__(resource, answered, cause, next_step)
        self.resource = resource
        self.answered = answered
        self.cause = cause
        self.next_step = next_step

    def __str__(self) -> str:
        parts = [f"{self.resource}: {self.answered}"]
        parts += [f"Cause: {self.cause}"] if self.cause else []
        parts += [f"Next: {self.next_step}"] if self.next_step else []
        return " ".join(part if part.endswith(".") else f"{part}." for part in parts)


class UnauthorizedError(RegistryError):
    """The registry wants credentials, or does not accept the ones it got."""


class DeniedError(RegistryError):
    """The credentials are known and not allowed to do this, or have expired."""


class NotFoundError(RegistryError):
    """The image, tag, digest or repository does not exist."""


class PlatformNotFoundError(RegistryError):
    """The image does not exist for a platform that was asked for."""


class TagImmutableError(RegistryError):
    """The tag exists, points at another image, and may not be moved."""


class ManifestError(RegistryError):
    """What was answered is no manifest that can be copied (schema 1 among them)."""


class DigestMismatchError(RegistryError):
    """The bytes are not those that the digest names."""


class UnreachableError(RegistryError):
    """No connection: name unknown, refused, no route, or TLS not agreed."""


class UnavailableError(RegistryError):
    """The registry is throttling, failing or dropped the connection: the one kind that is tried again.

    Attributes:
        retry_after: Seconds that the registry asked to wait (Retry-After), if it did.
        exhausted: Whether it was tried again as often as makes sense.
    """

    def __init__(
        self,
        resource: str,
        answered: str,
        cause: str = "",
        next_step: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(resource, answered, cause, next_step)
        self.retry_after = retry_after
        self.exhausted = False

"""Choosing platforms out of an index."""

from collections.abc import Sequence

from registry.errors import PlatformNotFoundError
from registry.manifest import Descriptor


def choose(resource: str, children: Sequence[Descriptor], wanted: Sequence[str]) -> tuple[Descriptor, ...]:
    """The children for some platforms, in the index's order.

    Raises:
        PlatformNotFoundError: A platform has none.
    """
    for platform in wanted:
        if not any(matches(child.platform, platform) for child in children):
            there = sorted({child.platform for child in children if child.platform})
            raise PlatformNotFoundError(
                resource,
                f"no image for platform {platform}",
                f"the index has {', '.join(there) or 'no platforms'}",
                "choose among those, or leave the platform out to copy all of them",
            )
    return tuple(child for child in children if any(matches(child.platform, one) for one in wanted))


def matches(platform: str, wanted: str) -> bool:
    """Whether a platform is the wanted one; without a variant any variant is.

    Args:
        platform: `os/architecture[/variant]` of an image.
        wanted: The same form.
    """
    have, want = platform.split("/"), wanted.split("/")
    return len(want) >= 2 and have[: len(want)] == want

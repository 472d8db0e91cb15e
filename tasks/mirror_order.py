"""A list of images to mirror, made concrete: which image goes to which repository under which tag."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from blocks.operation_error import OperationError
from registry.reference import InvalidReferenceError, Reference
from specs.fault import SpecError
from specs.mirror import MirrorImage, MirrorRepositories, MirrorSpec
from specs.repository import RepositorySpec
from tasks.private_registry import is_ecr


@dataclass(frozen=True)
class MirrorOrder:
    """One image to mirror.

    Attributes:
        name: The image as it was listed, with the digest that it is pinned to.
        source: Its reference, with the digest that it is pinned to if it is.
        repository: Its private repository.
        platforms: What is taken of it; none for everything.
        include_referrers: Whether signatures and the like come with it.
    """

    name: str
    source: Reference
    repository: RepositorySpec
    platforms: Sequence[str] = ()
    include_referrers: bool = False

    @property
    def repository_name(self) -> str:
        """Name of its private repository."""
        return self.repository.repository_name

    @property
    def place(self) -> str:
        """Repository and tag that the image gets."""
        return f"{self.repository_name}:{self.source.tag or self.source.digest}"


def mirror_orders(spec: MirrorSpec, registry: str) -> list[MirrorOrder]:
    """What has to be copied where; nothing is asked of any service.

    Args:
        spec: The images and repositories.
        registry: Host of the private registry.

    Raises:
        OperationError: If images cannot be mirrored as listed; all of them are named.
    """
    orders: list[MirrorOrder] = []
    faults: list[str] = []
    for index, image in enumerate(spec.images):
        try:
            orders.append(_order(image, spec.repositories, registry))
        except (InvalidReferenceError, SpecError, ValueError) as error:
            faults.append(f"images[{index}] {image.source}: {error}")
    faults += _clashes(orders)
    if faults:
        raise OperationError(
            "list of images",
            "\n".join(faults),
            "it cannot be mirrored as it stands; nothing was copied",
            "correct what is named and run again",
        )
    return orders


def _order(image: MirrorImage, repositories: MirrorRepositories, registry: str) -> MirrorOrder:
    source = Reference.parse(image.source)
    if source.host == registry or is_ecr(source.host):
        raise ValueError("it is in a private ECR already")
    if image.pin and source.digest not in (None, image.pin):
        raise ValueError(f"pin says {image.pin}, the source another digest: leave one of them out")
    name = image.repository or f"{repositories.prefix.rstrip('/')}/{source.repository}".lstrip("/")
    pinned = source.with_digest(image.pin) if image.pin else source
    listed = str(pinned) if image.pin else image.source
    return MirrorOrder(listed, pinned, repositories.named(name), tuple(image.platforms), image.include_referrers)


def _clashes(orders: Sequence[MirrorOrder]) -> Iterator[str]:
    """Tags that two images would both be given."""
    for place, count in Counter(order.place for order in orders).items():
        if count > 1:
            sources = ", ".join(str(order.source) for order in orders if order.place == place)
            yield f"{sources}: all would become {place}; give them repositories of their own, or list one only"

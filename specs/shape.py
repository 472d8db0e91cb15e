"""What the installed botocore knows: its service models, read from its package data."""

from collections.abc import Mapping
from functools import cache
from typing import Any


class Shapes:
    """The shapes of one service, in the format of botocore's service models."""

    def __init__(self, service: str, shapes: Mapping[str, Any]) -> None:
        """Hold the shapes.

        Args:
            service: The name used in messages, for example ``botocore batch``.
            shapes: Name to shape.
        """
        self.service = service
        self._shapes = shapes

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        """The shape of that name."""
        shape: Mapping[str, Any] = self._shapes[name]
        return shape

    def source(self, shape: str, member: str = "") -> str:
        """Where a limit stands."""
        return f"{self.service} {shape}.{member}" if member else f"{self.service} {shape}"


@cache
def batch_shapes() -> Shapes:
    """The shapes of AWS Batch."""
    return _load("batch")


@cache
def ecr_shapes() -> Shapes:
    """The shapes of Amazon ECR."""
    return _load("ecr")


def _load(service: str) -> Shapes:
    from botocore.loaders import Loader  # imported late: specs stay quick to import

    return Shapes(f"botocore {service}", Loader().load_service_model(service, "service-2")["shapes"])

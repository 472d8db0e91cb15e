"""The processor architecture of EC2 instance types, by their names."""

import re
from collections.abc import Iterable
from typing import Literal

Architecture = Literal["ARM", "x86"]

# Amazon EC2 User Guide, instance-types: a `g` behind the generation stands for AWS Graviton.
_ARM = r"(?:a1|[a-z]+[0-9]+[a-z]*g[a-z]*)(?:[-.].*)?"
_BUNDLES: dict[str, Architecture] = {"default_arm64": "ARM", "default_x86_64": "x86", "optimal": "x86"}


def architecture_of(name: str) -> Architecture | None:
    """The architecture of an instance type, a family, or one of Batch's own words; None for anything else.

    Args:
        name: Such as `m5`, `m6g.large` or `default_arm64`.
    """
    if name in _BUNDLES or re.fullmatch(_ARM, name):
        return _BUNDLES.get(name, "ARM")
    return "x86" if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)?", name) else None


def common_architecture(names: Iterable[str]) -> Architecture | None:
    """The one architecture of all instance types of a compute environment; None where there is not exactly one."""
    found = {architecture_of(name) for name in names}
    return found.pop() if len(found) == 1 else None

"""The rules of EKS compute environments that no shape says."""

from collections.abc import Mapping
from typing import Any

from specs.fault import Findings


def check_compute_environment(document: Mapping[str, Any], found: Findings) -> None:
    """Check the document of CreateComputeEnvironment.

    Args:
        document: The wire document; its types may be wrong.
        found: Takes what is found.
    """

"""The namespace that Batch runs its pods in."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from specs.fault import Findings
from specs.kubernetes_document import KubernetesSpec
from specs.kubernetes_rules import check_namespace
from specs.source import member
from specs.wire import mapping


class NamespaceSpec(KubernetesSpec):
    """The manifest of the namespace."""

    wire_shape: ClassVar[str] = "Namespace"

    name: str = Field(
        default="my-aws-batch-namespace",
        title="Name",
        description="The namespace's name; it must not be default, nor begin with kube-.",
        examples=["my-aws-batch-namespace"],
    )
    labels: dict[str, str] = Field(
        default_factory=lambda data: {"name": data["name"]} if "name" in data else {},
        title="Labels",
        description="The namespace's labels, as JSON; without any it gets its name as label, as the tutorial has it.",
        examples=[{"name": "my-aws-batch-namespace"}],
    )

    @classmethod
    def check(cls, document: Mapping[str, Any], found: Findings) -> None:
        """Check what Batch says about its namespace."""
        super().check(document, found)
        name = mapping(document.get("metadata")).get("name")
        check_namespace(name, "metadata.name", found, member("EksConfiguration", "kubernetesNamespace"))

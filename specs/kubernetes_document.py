"""Kubernetes manifests: name, labels and annotations flat in Python, nested on the wire."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from specs.fault import Findings
from specs.kubernetes_rules import check_annotations, check_labels
from specs.kubernetes_shape import kubernetes_shapes
from specs.part import wire
from specs.shape import Shapes
from specs.shape_check import check_shape
from specs.source import KUBERNETES_API, KUBERNETES_NAMES
from specs.spec import Spec
from specs.wire import mapping

_FLAT = ("name", "namespace", "labels", "annotations")


class KubernetesSpec(Spec):
    """A Kubernetes manifest."""

    api_version: ClassVar[str] = "v1"
    modelled: ClassVar[tuple[str, ...]] = ()

    name: str = Field(title="Name", description="The object's name.", examples=["my-object"])
    labels: dict[str, str] = Field(
        default={}, title="Labels", description="The object's labels, as JSON.", examples=[{"team": "data"}]
    )
    annotations: dict[str, str] = Field(
        default={},
        title="Annotations",
        description="The object's annotations, as JSON.",
        examples=[{"example.com/owner": "data"}],
    )

    @classmethod
    def shapes(cls) -> Shapes:
        """The shapes of the Kubernetes documents of this project."""
        return kubernetes_shapes()

    @classmethod
    def examine(cls, document: Mapping[str, Any]) -> Findings:
        """Check a manifest: shape, limits and rules, all at once."""
        found = Findings()
        check_shape(cls.shapes(), cls.wire_shape, document, None, found)
        cls.check(document, found)
        return found

    def to_document(self) -> dict[str, Any]:
        """Render the manifest."""
        return self._nest(super().to_document())

    @classmethod
    def fields_of(cls, document: Mapping[str, Any]) -> dict[str, Any]:
        """Take the metadata apart; what is not modelled stays under ``metadata``."""
        fields = {key: value for key, value in document.items() if key not in ("apiVersion", "kind", "metadata")}
        metadata = dict(document["metadata"])
        flat = {key: metadata.pop(key) for key in _FLAT if key in metadata}
        return fields | flat | ({"metadata": metadata} if metadata else {})

    @classmethod
    def document_of(cls, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The manifest for input by keyword or from a form."""
        return cls._nest(wire(cls, fields))

    @classmethod
    def _nest(cls, fields: dict[str, Any]) -> dict[str, Any]:
        rest = mapping(fields.pop("metadata", None))
        metadata = {key: fields.pop(key) for key in _FLAT if key in fields}
        return {"apiVersion": cls.api_version, "kind": cls.wire_shape, "metadata": {**metadata, **rest}, **fields}

    @classmethod
    def check(cls, document: Mapping[str, Any], found: Findings) -> None:
        """Check what all manifests have in common."""
        for name, wanted in (("apiVersion", cls.api_version), ("kind", cls.wire_shape)):
            if name in document and document[name] != wanted:
                rule = f"Here the {name} is {wanted}."
                found.fault(name, document[name], rule, f"Write {wanted}.", KUBERNETES_API)
        metadata = mapping(document.get("metadata"))
        own = metadata.get("name")
        if isinstance(own, str) and not re.fullmatch(r"(?!\.{1,2}$)[^/%]+", own):
            rule = "A name is not empty, not . or .., and has no slash and no percent sign."
            found.fault("metadata.name", own, rule, "Choose another name.", KUBERNETES_NAMES)
        check_labels(metadata.get("labels"), "metadata.labels", found)
        check_annotations(metadata.get("annotations"), "metadata.annotations", found, in_batch=False)
        for key in set(document) & {"spec", "status", "aggregationRule"}:
            cls._passes(key, found)
        for key in metadata:
            if key not in _FLAT:
                cls._passes(f"metadata.{key}", found)

    @staticmethod
    def _passes(path: str, found: Findings) -> None:
        found.warn(path, "It is passed through unchecked: this project has no rules for it.", KUBERNETES_API)

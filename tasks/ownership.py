"""How everything that we create is marked as ours, with a hash of the document that it was made from."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

OWNER = "batch-eks-flows"

# Kubernetes: a recommended label, and an annotation (values of labels are too short for some).
# https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
OWNER_LABEL = "app.kubernetes.io/managed-by"
HASH_ANNOTATION = f"{OWNER}/spec-hash"

# AWS: tags. `aws:` is reserved, every other prefix is free.
OWNER_TAG = "managed-by"
HASH_TAG = f"{OWNER}:spec-hash"


def spec_hash(document: Mapping[str, Any]) -> str:
    """16 hexadecimal digits that change when the document does, whatever the order of its keys."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def with_kubernetes_marks(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with our label, and its own hash as an annotation."""
    metadata = dict(manifest["metadata"])
    labels = dict(metadata.get("labels") or {}) | {OWNER_LABEL: OWNER}
    annotations = dict(metadata.get("annotations") or {}) | {HASH_ANNOTATION: spec_hash(manifest)}
    return {**manifest, "metadata": {**metadata, "labels": labels, "annotations": annotations}}


def has_kubernetes_mark(manifest: Mapping[str, Any]) -> bool:
    """Whether an observed Kubernetes object is ours."""
    return bool((manifest.get("metadata", {}).get("labels") or {}).get(OWNER_LABEL) == OWNER)


def with_aws_marks(document: Mapping[str, Any]) -> dict[str, Any]:
    """The AWS document with our tag, and its own hash as another."""
    tags = dict(document.get("tags") or {}) | {OWNER_TAG: OWNER, HASH_TAG: spec_hash(document)}
    return {**document, "tags": tags}


def has_aws_mark(document: Mapping[str, Any]) -> bool:
    """Whether an observed AWS resource is ours."""
    return bool((document.get("tags") or {}).get(OWNER_TAG) == OWNER)

"""How everything that we create is marked as ours, with a hash of the document that it was made from."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

OWNER = "batch-eks-flows"

# Kubernetes: a recommended label, and an annotation (values of labels are too short for some).
# https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
OWNER_LABEL = "app.kubernetes.io/managed-by"
HASH_ANNOTATION = f"{OWNER}/spec-hash"
METADATA_ANNOTATION = f"{OWNER}/spec-metadata"
# An entry of aws-auth has no place for a mark of its own: the ConfigMap names the roles whose entries we added.
ADDED_ROLES_ANNOTATION = f"{OWNER}/added-roles"
# Nor has a namespace in the scope of an access policy: the namespace itself says that we added it.
ADDED_POLICY_ANNOTATION = f"{OWNER}/added-to-access-policy"

# AWS: tags. `aws:` is reserved, every other prefix is free.
OWNER_TAG = "managed-by"
HASH_TAG = f"{OWNER}:spec-hash"


def spec_hash(document: Mapping[str, Any]) -> str:
    """16 hexadecimal digits that change when the document does, whatever the order of its keys."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def with_kubernetes_marks(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with our label, its own hash as an annotation, and the keys that it sets in its metadata."""
    metadata = dict(manifest["metadata"])
    marks = {HASH_ANNOTATION: spec_hash(manifest), METADATA_ANNOTATION: " ".join(_metadata_keys(manifest))}
    labels = dict(metadata.get("labels") or {}) | {OWNER_LABEL: OWNER}
    annotations = dict(metadata.get("annotations") or {}) | marks
    return {**manifest, "metadata": {**metadata, "labels": labels, "annotations": annotations}}


def left_out_metadata(manifest: Mapping[str, Any], observed: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Labels and annotations that an earlier manifest of ours set and this one leaves out.

    Args:
        manifest: What is wanted now.
        observed: The object as the API server holds it.

    Returns:
        Of each the map, `labels` or `annotations`, and the key in it.
    """
    metadata = observed.get("metadata", {})
    once = str((metadata.get("annotations") or {}).get(METADATA_ANNOTATION, "")).split()
    gone = [key.split(".", 1) for key in once if key not in _metadata_keys(manifest)]
    return [(section, key) for section, key in gone if key in (metadata.get(section) or {})]


def _metadata_keys(manifest: Mapping[str, Any]) -> list[str]:
    metadata = manifest["metadata"]
    return [f"{section}.{key}" for section in ("annotations", "labels") for key in sorted(metadata.get(section) or {})]


def has_kubernetes_mark(manifest: Mapping[str, Any]) -> bool:
    """Whether an observed Kubernetes object is ours."""
    return bool((manifest.get("metadata", {}).get("labels") or {}).get(OWNER_LABEL) == OWNER)


def added_roles(annotations: Mapping[str, str] | None) -> list[str]:
    """ARNs of the roles whose entries we added to aws-auth, by the annotations of the ConfigMap."""
    return (annotations or {}).get(ADDED_ROLES_ANNOTATION, "").split()


def with_added_roles(annotations: Mapping[str, str] | None, roles: Iterable[str]) -> dict[str, str]:
    """The annotations of aws-auth with these roles as the ones whose entries we added.

    Args:
        annotations: As they were read.
        roles: ARNs; without any the annotation goes.
    """
    others = {key: value for key, value in (annotations or {}).items() if key != ADDED_ROLES_ANNOTATION}
    mark = " ".join(dict.fromkeys(roles))
    return others | ({ADDED_ROLES_ANNOTATION: mark} if mark else {})


def with_aws_marks(document: Mapping[str, Any]) -> dict[str, Any]:
    """The AWS document with our tag, and its own hash as another."""
    tags = dict(document.get("tags") or {}) | {OWNER_TAG: OWNER, HASH_TAG: spec_hash(document)}
    return {**document, "tags": tags}


def has_aws_mark(document: Mapping[str, Any]) -> bool:
    """Whether an observed AWS resource is ours."""
    return bool((document.get("tags") or {}).get(OWNER_TAG) == OWNER)

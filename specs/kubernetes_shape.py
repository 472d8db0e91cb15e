"""The Kubernetes documents of this project, in the format of botocore's service models.

Source: the Kubernetes API reference, core/v1 Namespace and rbac.authorization.k8s.io/v1.
"""

from functools import cache
from typing import Any

from specs.shape import Shapes


def _structure(required: tuple[str, ...] = (), **members: str) -> dict[str, Any]:
    return {
        "type": "structure",
        "required": required,
        "members": {name: {"shape": shape} for name, shape in members.items()},
    }


def _list(shape: str) -> dict[str, Any]:
    return {"type": "list", "member": {"shape": shape}}


_HEAD = {"apiVersion": "String", "kind": "String", "metadata": "ObjectMeta"}
_REQUIRED = ("apiVersion", "kind", "metadata")

_SHAPES: dict[str, Any] = {
    "String": {"type": "string"},
    "Integer": {"type": "integer"},
    "Boolean": {"type": "boolean"},
    "Strings": _list("String"),
    "Rules": _list("PolicyRule"),
    "Subjects": _list("Subject"),
    "Anything": {"type": "anything"},
    "StringMap": {"type": "map", "key": {"shape": "String"}, "value": {"shape": "String"}},
    "ObjectMeta": _structure(
        ("name",),
        name="String",
        namespace="String",
        labels="StringMap",
        annotations="StringMap",
        generateName="String",
        finalizers="Strings",
        ownerReferences="Anything",
        uid="String",
        resourceVersion="String",
        generation="Integer",
        creationTimestamp="Anything",
        deletionTimestamp="Anything",
        deletionGracePeriodSeconds="Integer",
        selfLink="String",
        managedFields="Anything",
    ),
    "PolicyRule": _structure(
        ("verbs",),
        apiGroups="Strings",
        resources="Strings",
        verbs="Strings",
        resourceNames="Strings",
        nonResourceURLs="Strings",
    ),
    "Subject": _structure(("kind", "name"), kind="String", name="String", apiGroup="String", namespace="String"),
    "RoleRef": _structure(("apiGroup", "kind", "name"), apiGroup="String", kind="String", name="String"),
    "Namespace": _structure(_REQUIRED, **_HEAD, spec="Anything", status="Anything"),
    "ClusterRole": _structure(_REQUIRED, **_HEAD, rules="Rules", aggregationRule="Anything"),
    "Role": _structure(_REQUIRED, **_HEAD, rules="Rules"),
    "ClusterRoleBinding": _structure((*_REQUIRED, "roleRef"), **_HEAD, subjects="Subjects", roleRef="RoleRef"),
    "RoleBinding": _structure((*_REQUIRED, "roleRef"), **_HEAD, subjects="Subjects", roleRef="RoleRef"),
}


@cache
def kubernetes_shapes() -> Shapes:
    """The shapes of the Kubernetes documents of this project."""
    return Shapes("Kubernetes API reference", _SHAPES)

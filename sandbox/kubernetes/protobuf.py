r"""Decoding the protobuf bodies that kubectl's typed clients send.

The envelope is `k8s\0` and a `runtime.Unknown`; the field numbers are those of the `generated.proto` files of
`k8s.io/api` and `k8s.io/apimachinery`. Only the kinds are known that kubectl itself creates by a typed client.
"""

import base64
from collections.abc import Iterator
from typing import Any

from sandbox.kubernetes.status_error import StatusError, bad_request

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"

_MAGIC = b"k8s\x00"

# Message: field number: (name, type). `[]` repeats, `{}` is a map of strings to that.
_MESSAGES: dict[str, dict[int, tuple[str, str]]] = {
    "TypeMeta": {1: ("apiVersion", "string"), 2: ("kind", "string")},
    "Unknown": {1: ("typeMeta", "TypeMeta"), 2: ("raw", "bytes")},
    "ObjectMeta": {
        1: ("name", "string"),
        2: ("generateName", "string"),
        3: ("namespace", "string"),
        5: ("uid", "string"),
        6: ("resourceVersion", "string"),
        11: ("labels", "{}string"),
        12: ("annotations", "{}string"),
        14: ("finalizers", "[]string"),
    },
    "Namespace": {1: ("metadata", "ObjectMeta"), 2: ("spec", "NamespaceSpec")},
    "NamespaceSpec": {1: ("finalizers", "[]string")},
    "ConfigMap": {
        1: ("metadata", "ObjectMeta"),
        2: ("data", "{}string"),
        3: ("binaryData", "{}base64"),
        4: ("immutable", "bool"),
    },
    "ServiceAccount": {1: ("metadata", "ObjectMeta"), 4: ("automountServiceAccountToken", "bool")},
    "PolicyRule": {
        1: ("verbs", "[]string"),
        2: ("apiGroups", "[]string"),
        3: ("resources", "[]string"),
        4: ("resourceNames", "[]string"),
        5: ("nonResourceURLs", "[]string"),
    },
    "Role": {1: ("metadata", "ObjectMeta"), 2: ("rules", "[]PolicyRule")},
    "ClusterRole": {
        1: ("metadata", "ObjectMeta"),
        2: ("rules", "[]PolicyRule"),
        3: ("aggregationRule", "AggregationRule"),
    },
    "AggregationRule": {1: ("clusterRoleSelectors", "[]LabelSelector")},
    "LabelSelector": {1: ("matchLabels", "{}string"), 2: ("matchExpressions", "[]LabelSelectorRequirement")},
    "LabelSelectorRequirement": {1: ("key", "string"), 2: ("operator", "string"), 3: ("values", "[]string")},
    "Subject": {1: ("kind", "string"), 2: ("apiGroup", "string"), 3: ("name", "string"), 4: ("namespace", "string")},
    "RoleRef": {1: ("apiGroup", "string"), 2: ("kind", "string"), 3: ("name", "string")},
    "RoleBinding": {1: ("metadata", "ObjectMeta"), 2: ("subjects", "[]Subject"), 3: ("roleRef", "RoleRef")},
    "ClusterRoleBinding": {1: ("metadata", "ObjectMeta"), 2: ("subjects", "[]Subject"), 3: ("roleRef", "RoleRef")},
    "ResourceAttributes": {
        1: ("namespace", "string"),
        2: ("verb", "string"),
        3: ("group", "string"),
        4: ("version", "string"),
        5: ("resource", "string"),
        6: ("subresource", "string"),
        7: ("name", "string"),
    },
    "NonResourceAttributes": {1: ("path", "string"), 2: ("verb", "string")},
    "SelfSubjectAccessReview": {1: ("metadata", "ObjectMeta"), 2: ("spec", "SelfSubjectAccessReviewSpec")},
    "SelfSubjectAccessReviewSpec": {
        1: ("resourceAttributes", "ResourceAttributes"),
        2: ("nonResourceAttributes", "NonResourceAttributes"),
    },
    "SelfSubjectRulesReview": {1: ("metadata", "ObjectMeta"), 2: ("spec", "SelfSubjectRulesReviewSpec")},
    "SelfSubjectRulesReviewSpec": {1: ("namespace", "string")},
    "SelfSubjectReview": {1: ("metadata", "ObjectMeta")},
    "SubjectAccessReview": {1: ("metadata", "ObjectMeta"), 2: ("spec", "SubjectAccessReviewSpec")},
    "LocalSubjectAccessReview": {1: ("metadata", "ObjectMeta"), 2: ("spec", "SubjectAccessReviewSpec")},
    "SubjectAccessReviewSpec": {
        1: ("resourceAttributes", "ResourceAttributes"),
        2: ("nonResourceAttributes", "NonResourceAttributes"),
        3: ("user", "string"),
        4: ("groups", "[]string"),
        6: ("uid", "string"),
    },
    "Preconditions": {1: ("uid", "string"), 2: ("resourceVersion", "string")},
    "DeleteOptions": {
        1: ("gracePeriodSeconds", "int"),
        2: ("preconditions", "Preconditions"),
        3: ("orphanDependents", "bool"),
        4: ("propagationPolicy", "string"),
        5: ("dryRun", "[]string"),
    },
}

# Set by the server, or of no meaning here: creationTimestamp, generation, managedFields, status, encoding.
_IGNORED: dict[str, tuple[int, ...]] = {
    "Unknown": (3, 4),
    "ObjectMeta": (4, 7, 8, 10, 17),
    "Namespace": (3,),
    "SelfSubjectAccessReview": (3,),
    "SelfSubjectRulesReview": (3,),
    "SelfSubjectReview": (2,),
    "SubjectAccessReview": (3,),
    "LocalSubjectAccessReview": (3,),
    "ResourceAttributes": (8, 9),
}


def decode_protobuf(body: bytes) -> dict[str, Any]:
    """Decode a body to the document that JSON would have been.

    Raises:
        StatusError: 400 for no Kubernetes protobuf, 415 for a kind whose fields are not known.
    """
    if not body.startswith(_MAGIC):
        raise bad_request("the body does not start with the Kubernetes protobuf prefix")
    envelope = _decode(body[len(_MAGIC) :], "Unknown")
    kind = envelope.get("typeMeta", {}).get("kind", "")
    if kind not in _MESSAGES:
        raise StatusError(415, "UnsupportedMediaType", f"protobuf of kind {kind} is not understood; send JSON")
    return {**envelope["typeMeta"], **_decode(envelope.get("raw", b""), kind)}


def _decode(data: bytes, message: str) -> dict[str, Any]:
    fields = _MESSAGES[message]
    document: dict[str, Any] = {}
    for number, value in _wire(data):
        if number not in fields:
            if value and number not in _IGNORED.get(message, ()):
                raise StatusError(
                    415, "UnsupportedMediaType", f"field {number} of {message} is not understood; send JSON"
                )
            continue
        name, kind = fields[number]
        if kind.startswith("[]"):
            document.setdefault(name, []).append(_value(value, kind[2:]))
        elif kind.startswith("{}"):
            entry = dict(_wire(value if isinstance(value, bytes) else b""))
            document.setdefault(name, {})[_value(entry.get(1, b""), "string")] = _value(entry.get(2, b""), kind[2:])
        else:
            decoded = _value(value, kind)
            # Go writes empty strings too, where JSON leaves the field out.
            if decoded != "" or name == "name":
                document[name] = decoded
    if message == "ObjectMeta" and not document.get("name"):
        document.pop("name", None)
    return document


def _value(value: bytes | int, kind: str) -> Any:
    if isinstance(value, int):
        return bool(value) if kind == "bool" else value
    if kind == "string":
        return value.decode()
    if kind == "bytes":
        return value
    if kind == "base64":
        return base64.b64encode(value).decode()
    return _decode(value, kind)


def _wire(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    """The fields of a message: number and varint or bytes."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == 0:
            value, position = _varint(data, position)
            yield number, value
        elif wire_type == 2:
            length, position = _varint(data, position)
            yield number, data[position : position + length]
            position += length
        else:
            raise bad_request(f"wire type {wire_type} is not understood")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(data):
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, position
        shift += 7
    raise bad_request("the protobuf body ends early")

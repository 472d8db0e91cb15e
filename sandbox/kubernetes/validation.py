"""What makes an object invalid: names, labels, and the rules of each kind.

The texts are those of `k8s.io/kubernetes/pkg/apis/*/validation`, compared with kube-apiserver 1.20.
"""

import re
from collections.abc import Callable
from typing import Any

from sandbox.kubernetes.pod_validation import pod_faults, pod_update_faults
from sandbox.kubernetes.rbac_validation import rbac_faults, rbac_update_faults
from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.selectors import matches_label_selector
from sandbox.kubernetes.status_error import GoValue, Invalid, forbidden_field, invalid, quoted, required

Document = dict[str, Any]

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"

_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    f"an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_NAME_PART_TEXT = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    f"character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_QUALIFIED}')"
)
_LABEL_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'({_QUALIFIED})?')"
)
_CONFIG_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    f"'key-name', regex used for validation is '{_CONFIG_KEY}')"
)
_MAX_ANNOTATIONS = 256 * 1024
_MAX_CONFIG_MAP = 1024 * 1024


def label_faults(name: str) -> list[str]:
    """Why a text is no RFC 1123 label."""
    faults = [] if len(name) <= 63 else ["must be no more than 63 characters"]
    return faults if re.fullmatch(_LABEL, name) else [*faults, _LABEL_TEXT]


def subdomain_faults(name: str) -> list[str]:
    """Why a text is no RFC 1123 subdomain."""
    faults = [] if len(name) <= 253 else ["must be no more than 253 characters"]
    return faults if re.fullmatch(_SUBDOMAIN, name) else [*faults, _SUBDOMAIN_TEXT]


def path_segment_faults(name: str) -> list[str]:
    """Why a text is no path segment, which is all that names of RBAC objects must be."""
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{letter}'" for letter in ("/", "%") if letter in name]


def object_faults(resource: Resource, document: Document) -> list[Invalid]:
    """The faults of an object as a create sends it."""
    kind_faults = _KINDS.get(resource.plural, _no_faults)
    return [*_metadata_faults(resource, document["metadata"]), *kind_faults(document)]


def update_faults(resource: Resource, before: Document, after: Document, subresource: str) -> list[Invalid]:
    """The faults of a changed object."""
    faults = [*_immutable_metadata(before["metadata"], after["metadata"])]
    faults += _metadata_faults(resource, after["metadata"])
    if subresource:
        return faults
    if resource.plural == "pods":
        return [*faults, *pod_update_faults(before, after)]
    if resource.plural == "configmaps" and before.get("immutable"):
        return [*faults, *_immutable_config_map(before, after), *_config_map_faults(after)]
    kind_faults = _KINDS.get(resource.plural, _no_faults)
    if resource.plural.endswith("bindings"):
        faults += rbac_update_faults(before, after)
    return [*faults, *kind_faults(after)]


def _no_faults(document: Document) -> list[Invalid]:
    del document
    return []


def _metadata_faults(resource: Resource, metadata: Document) -> list[Invalid]:
    if resource.group == "rbac.authorization.k8s.io":
        check: Callable[[str], list[str]] = path_segment_faults
    elif resource.plural == "namespaces":
        check = label_faults
    else:
        check = subdomain_faults
    faults: list[Invalid] = []
    name = metadata.get("name", "")
    prefix = metadata.get("generateName", "")
    if prefix:
        faults += [invalid("metadata.generateName", prefix, text) for text in check(prefix.rstrip("-") or "a")]
    if not name:
        faults.append(required("metadata.name", "name or generateName is required"))
    else:
        faults += [invalid("metadata.name", name, text) for text in check(name)]
    for key, value in (metadata.get("labels") or {}).items():
        faults += [invalid("metadata.labels", key, text) for text in _qualified_faults(key)]
        if len(value) > 63:
            faults.append(invalid("metadata.labels", value, "must be no more than 63 characters"))
        if not re.fullmatch(f"({_QUALIFIED})?", value):
            faults.append(invalid("metadata.labels", value, _LABEL_VALUE_TEXT))
    annotations = metadata.get("annotations") or {}
    for key in annotations:
        faults += [invalid("metadata.annotations", key, text) for text in _qualified_faults(key.lower())]
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > _MAX_ANNOTATIONS:
        faults.append(
            Invalid("metadata.annotations", "FieldValueTooLong", f"must have at most {_MAX_ANNOTATIONS} bytes")
        )
    for finalizer in metadata.get("finalizers") or []:
        faults += [invalid("metadata.finalizers", finalizer, text) for text in _qualified_faults(finalizer)]
    return faults


def _immutable_metadata(before: Document, after: Document) -> list[Invalid]:
    return [
        invalid(f"metadata.{field}", after.get(field), "field is immutable")
        for field in ("name", "namespace", "uid", "creationTimestamp")
        if after.get(field) != before.get(field)
    ]


def _qualified_faults(key: str) -> list[str]:
    prefix, slash, name = key.rpartition("/")
    faults: list[str] = []
    if slash:
        if not prefix:
            faults.append("prefix part must be non-empty")
        else:
            faults += [f"prefix part {text}" for text in subdomain_faults(prefix)]
    if not name:
        faults.append("name part must be non-empty")
    elif len(name) > 63:
        faults.append("name part must be no more than 63 characters")
    if not re.fullmatch(_QUALIFIED, name):
        faults.append(_NAME_PART_TEXT)
    return faults


def _config_map_faults(document: Document) -> list[Invalid]:
    faults: list[Invalid] = []
    size = 0
    for field in ("data", "binaryData"):
        for key, value in (document.get(field) or {}).items():
            size += len(value.encode())
            if not re.fullmatch(_CONFIG_KEY, key):
                faults.append(invalid(f"{field}[{key}]", key, _CONFIG_KEY_TEXT))
            elif len(key) > 253:
                faults.append(invalid(f"{field}[{key}]", key, "must be no more than 253 characters"))
    if size > _MAX_CONFIG_MAP:
        faults.append(Invalid("", "FieldValueTooLong", f"must have at most {_MAX_CONFIG_MAP} bytes"))
    return faults


def _immutable_config_map(before: Document, after: Document) -> list[Invalid]:
    text = "field is immutable when `immutable` is set"
    faults = [] if after.get("immutable") else [forbidden_field("immutable", text)]
    for field in ("data", "binaryData"):
        if (before.get(field) or {}) != (after.get(field) or {}):
            faults.append(forbidden_field(field, text))
    return faults


def _event_faults(document: Document) -> list[Invalid]:
    namespace = document["metadata"].get("namespace", "")
    involved = document.get("involvedObject") or {}
    if involved.get("namespace", "") == namespace or (not involved.get("namespace") and namespace == "default"):
        return []
    return [invalid("involvedObject.namespace", involved.get("namespace", ""), "does not match event.namespace")]


def _workload_faults(document: Document) -> list[Invalid]:
    spec = document["spec"]
    faults: list[Invalid] = []
    selector = spec.get("selector")
    labels = spec["template"]["metadata"].get("labels") or {}
    if selector is None:
        faults.append(required("spec.selector"))
    if selector is None or not matches_label_selector(selector, labels):
        shown = GoValue("map[string]string(nil)") if not labels else GoValue(f"map[string]string{quoted(labels)}")
        text = "`selector` does not match template `labels`"
        faults.append(invalid("spec.template.metadata.labels", shown, text))
    if not spec["template"]["spec"].get("containers"):
        faults.append(required("spec.template.spec.containers"))
    return faults


_KINDS: dict[str, Callable[[Document], list[Invalid]]] = {
    "configmaps": _config_map_faults,
    "events": _event_faults,
    "pods": pod_faults,
    "roles": rbac_faults,
    "clusterroles": rbac_faults,
    "rolebindings": rbac_faults,
    "clusterrolebindings": rbac_faults,
    **dict.fromkeys(("daemonsets", "deployments", "replicasets", "statefulsets"), _workload_faults),
}

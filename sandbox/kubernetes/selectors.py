"""Label and field selectors of lists and watches."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.status_error import StatusError, bad_request

Predicate = Callable[[Mapping[str, Any]], bool]

_SET_BASED = re.compile(r"^\s*([^\s!=(),]+)\s+(in|notin)\s*\(([^()]*)\)\s*$")
_EQUALITY = re.compile(r"^\s*([^\s!=(),]+)\s*(==|=|!=)\s*([^\s!=(),]*)\s*$")
_EXISTS = re.compile(r"^\s*(!?)\s*([^\s!=(),]+)\s*$")
_LABEL_VALUE = re.compile(r"^(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?$")

# Fields beside metadata.name and metadata.namespace: the `AddFieldLabelConversionFunc` calls of each group.
_FIELDS: dict[str, dict[str, tuple[str, ...]]] = {
    "pods": {
        name: tuple(name.split("."))
        for name in (
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        )
    },
    "namespaces": {"status.phase": ("status", "phase")},
    "nodes": {"spec.unschedulable": ("spec", "unschedulable")},
    "events": {
        **{
            f"involvedObject.{name}": ("involvedObject", name)
            for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
        },
        "reason": ("reason",),
        "reportingComponent": ("reportingComponent",),
        "source": ("source", "component"),
        "type": ("type",),
    },
    "replicasets": {"status.replicas": ("status", "replicas")},
}


def label_selector(text: str) -> Predicate:
    """Parse a `labelSelector` query parameter."""
    requirements = [_label_requirement(part, text) for part in _split(text)]

    def matches(document: Mapping[str, Any]) -> bool:
        labels = document["metadata"].get("labels") or {}
        return all(requirement(labels) for requirement in requirements)

    return matches


def field_selector(text: str, resource: Resource) -> Predicate:
    """Parse a `fieldSelector` query parameter."""
    requirements: list[Predicate] = []
    for part in filter(None, text.split(",")):
        match = re.match(r"^([^=!]+)(==|=|!=)(.*)$", part)
        if match is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        requirements.append(_field_requirement(resource, match[1], match[2], match[3]))
    return lambda document: all(requirement(document) for requirement in requirements)


def matches_label_selector(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether labels fulfil a `LabelSelector` object."""
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_expression(labels, expression) for expression in selector.get("matchExpressions") or [])


def _expression(labels: Mapping[str, str], expression: Mapping[str, Any]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    return {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }[expression["operator"]]


def _field_requirement(resource: Resource, field: str, operator: str, wanted: str) -> Predicate:
    if field == "metadata.name" or (field == "metadata.namespace" and resource.namespaced):
        path = tuple(field.split("."))
    elif field in _FIELDS.get(resource.plural, {}):
        path = _FIELDS[resource.plural][field]
    else:
        raise bad_request(_unsupported_field(resource, field))

    def matches(document: Mapping[str, Any]) -> bool:
        found: Any = document
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        text = "" if found is None else str(found).lower() if isinstance(found, bool) else str(found)
        return (text == wanted) == (operator != "!=")

    return matches


def _unsupported_field(resource: Resource, field: str) -> str:
    if resource.plural in _FIELDS and resource.group == "":
        return f"field label not supported: {field}"
    return f'"{field}" is not a known field selector: only "metadata.name", "metadata.namespace"'


def _label_requirement(part: str, text: str) -> Callable[[Mapping[str, str]], bool]:
    if match := _SET_BASED.match(part):
        key, operator, listed = match.groups()
        values = {value.strip() for value in listed.split(",")}
        for value in values:
            _check_value(key, value)
        return lambda labels: (labels.get(key) in values) == (operator == "in")
    if match := _EQUALITY.match(part):
        key, operator, value = match.groups()
        _check_value(key, value)
        return lambda labels: (labels.get(key) == value) == (operator != "!=")
    if match := _EXISTS.match(part):
        absent, key = match.groups()
        return lambda labels: (key in labels) != bool(absent)
    raise _unparsable(text)


def _check_value(key: str, value: str) -> None:
    if not _LABEL_VALUE.match(value):
        message = (
            f'unable to parse requirement: invalid label value: "{value}": at key: "{key}": a valid label must be an '
            "empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
            "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
            "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
        )
        raise bad_request(message)


def _unparsable(text: str) -> StatusError:
    return bad_request(f"unable to parse requirement: {text}")


def _split(text: str) -> list[str]:
    """Split at the commas that are not inside parentheses."""
    parts = re.split(r",(?![^(]*\))", text)
    return [part for part in parts if part.strip()]

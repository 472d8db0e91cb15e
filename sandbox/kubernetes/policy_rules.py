"""RBAC policy rules: which requests one allows, and which rules a set of others covers.

The algorithms are those of `k8s.io/kubernetes/pkg/apis/rbac/v1` and `k8s.io/component-helpers/auth/rbac/validation`.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes.identity import Attributes

Rule = dict[str, Any]


def allows(rule: Rule, asked: Attributes) -> bool:
    """Whether a rule allows a request."""
    if not _has(rule.get("verbs"), asked.verb):
        return False
    if not asked.resource:
        return any(_url_matches(url, asked.path) for url in rule.get("nonResourceURLs") or [])
    names = rule.get("resourceNames") or []
    return (
        _has(rule.get("apiGroups"), asked.group)
        and _resource_matches(rule.get("resources") or [], asked)
        and (not names or asked.name in names)
    )


def uncovered(owned: Sequence[Rule], wanted: Iterable[Rule]) -> list[str]:
    """The parts of rules that other rules do not grant, as an API server prints them; empty when all is covered."""
    missing = [part for rule in wanted for part in _parts(rule) if not any(_covers(rule, part) for rule in owned)]
    return sorted(_shown(part, verbs) for part, verbs in _compacted(missing))


@dataclass(frozen=True)
class _Part:
    """One verb on one resource or path."""

    verb: str
    group: str = ""
    resource: str = ""
    name: str = ""
    url: str = ""


def _parts(rule: Rule) -> list[_Part]:
    verbs = rule.get("verbs") or []
    parts = [
        _Part(verb, group, resource, name)
        for group in rule.get("apiGroups") or []
        for resource in rule.get("resources") or []
        for verb in verbs
        for name in rule.get("resourceNames") or [""]
    ]
    return parts + [_Part(verb, url=url) for url in rule.get("nonResourceURLs") or [] for verb in verbs]


def _covers(owner: Rule, part: _Part) -> bool:
    if not _has(owner.get("verbs"), part.verb):
        return False
    if part.url:
        return any(_url_covers(url, part.url) for url in owner.get("nonResourceURLs") or [])
    resources = owner.get("resources") or []
    names = owner.get("resourceNames") or []
    any_subresource = "/" in part.resource and f"*/{part.resource.split('/', 1)[1]}" in resources
    return (
        _has(owner.get("apiGroups"), part.group)
        and ("*" in resources or part.resource in resources or any_subresource)
        and (not names or (bool(part.name) and part.name in names))
    )


def _url_covers(owner: str, wanted: str) -> bool:
    if owner in ("*", wanted):
        return True
    return owner.endswith("*") and wanted.startswith(owner.rstrip("*"))


def _compacted(parts: Iterable[_Part]) -> list[tuple[_Part, list[str]]]:
    """Join parts that differ only in their verb."""
    verbs: dict[tuple[str, str, str, str], list[str]] = {}
    for part in parts:
        key = (part.group, part.resource, part.name, part.url)
        if part.verb not in verbs.setdefault(key, []):
            verbs[key].append(part.verb)
    return [(_Part("", *key), found) for key, found in verbs.items()]


def _shown(part: _Part, verbs: list[str]) -> str:
    fields: list[str] = []
    if part.url:
        fields.append(f"NonResourceURLs:{_go_list([part.url])}")
    else:
        fields += [f"APIGroups:{_go_list([part.group])}", f"Resources:{_go_list([part.resource])}"]
        if part.name:
            fields.append(f"ResourceNames:{_go_list([part.name])}")
    return "{" + ", ".join([*fields, f"Verbs:{_go_list(verbs)}"]) + "}"


def _go_list(values: Sequence[str]) -> str:
    return "[" + " ".join(json.dumps(value) for value in values) + "]"


def _has(allowed: Sequence[str] | None, asked: str) -> bool:
    return allowed is not None and ("*" in allowed or asked in allowed)


def _resource_matches(resources: Sequence[str], asked: Attributes) -> bool:
    full = asked.full_resource
    return "*" in resources or full in resources or (bool(asked.subresource) and f"*/{asked.subresource}" in resources)


def _url_matches(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern.rstrip("*")))

"""Pod properties as Batch keeps them: defaults filled in, overrides merged, parameters put in."""

import copy
import re
from collections.abc import Mapping
from typing import Any

_REFERENCE = re.compile(r"Ref::([a-zA-Z0-9_-]+)")


def with_defaults(pod: Mapping[str, Any]) -> dict[str, Any]:
    """Pod properties as DescribeJobDefinitions gives them back.

    [B:EksContainer]: the name defaults to `Default`, imagePullPolicy to Always for `:latest` and else IfNotPresent,
    requests to the limits; [B:EksPodProperties]: hostNetwork defaults to true, and a dnsPolicy that was not given is
    not given back.
    """
    filled = copy.deepcopy(dict(pod))
    filled.setdefault("hostNetwork", True)
    for kind in ("containers", "initContainers"):
        for container in filled.get(kind) or []:
            container.setdefault("name", "Default")
            latest = container["image"].endswith(":latest")
            container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
            _copy_limits(container)
    return filled


def _copy_limits(container: dict[str, Any]) -> None:
    """[B:EksContainerResourceRequirements]: what has a limit but no request requests its limit."""
    resources = container.get("resources")
    if resources and resources.get("limits"):
        resources["requests"] = {**resources["limits"], **(resources.get("requests") or {})}


def merged(pod: Mapping[str, Any], override: Mapping[str, Any] | None, parameters: Mapping[str, str]) -> dict[str, Any]:
    """A job's own pod properties.

    [B:EksContainerOverride]: image, command and args replace, variables of the same name replace and others are
    added, resources override key by key. [B:SubmitJobRequest.parameters]: `Ref::name` in command and args.
    """
    result = copy.deepcopy(dict(pod))
    for kind in ("containers", "initContainers"):
        group = result.get(kind) or []
        for changes in (override or {}).get(kind) or []:
            name = changes.get("name", group[0]["name"])
            _override_container(next(each for each in group if each["name"] == name), changes)
        for container in group:
            for field in ("command", "args"):
                if field in container:
                    container[field] = [_substitute(text, parameters) for text in container[field]]
    if metadata := (override or {}).get("metadata"):
        target = result.setdefault("metadata", {})
        for field in ("labels", "annotations"):
            if field in metadata:
                target[field] = {**target.get(field, {}), **metadata[field]}
        if "namespace" in metadata:
            target["namespace"] = metadata["namespace"]
    return result


def _override_container(container: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for field in ("image", "command", "args"):
        if changes.get(field) is not None:
            container[field] = copy.deepcopy(changes[field])
    if changes.get("env"):
        variables = {variable["name"]: variable for variable in container.get("env") or []}
        variables.update({variable["name"]: dict(variable) for variable in changes["env"]})
        container["env"] = list(variables.values())
    if changes.get("resources"):
        overridden = changes["resources"]
        resources = container.setdefault("resources", {})
        for field in ("limits", "requests"):
            if overridden.get(field):
                resources[field] = {**(resources.get(field) or {}), **overridden[field]}
        # What was only a copy of the definition's limit must follow the overridden limit.
        for key, value in (overridden.get("limits") or {}).items():
            if key not in (overridden.get("requests") or {}):
                resources.setdefault("requests", {})[key] = value


def _substitute(text: str, parameters: Mapping[str, str]) -> str:
    return _REFERENCE.sub(lambda match: parameters.get(match.group(1), match.group(0)), text)

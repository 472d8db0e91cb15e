"""A job that AWS Batch describes, as the request that makes it again.

DescribeJobs shows the pod as it ran: the definition's, with what the job overrides merged into it and the values of its
parameters put in. What is asked for again is only what differs from the definition, so that placeholders stay
placeholders and the request is as small as it was.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from specs.fault import Findings
from specs.job_request_rules import check_override_names
from specs.rerun_changes import RerunChanges
from specs.wire import mapping

KINDS = ("containers", "initContainers")
_REFERENCE = re.compile(r"Ref::([a-zA-Z0-9_-]+)")
# Batch's own prefixes: of variables (botocore batch EksContainer.env), and of labels of its pods (User Guide,
# eks-jobs-map-running-pod-to-job).
_OWN_VARIABLES, _OWN_LABELS = "AWS_BATCH", "batch.amazonaws.com/"


class RerunRequest:
    """The request of a job that is run again, while it is put together.

    Args:
        job: The job, as DescribeJobs answers.
        definition: The revision that it ran, as DescribeJobDefinitions answers.
    """

    def __init__(self, job: Mapping[str, Any], definition: Mapping[str, Any]) -> None:
        self._definition = definition
        self._pod = mapping(mapping(definition.get("eksProperties")).get("podProperties"))
        self._overrides = _container_overrides(job, self._pod)
        self._metadata = _metadata_override(job, self._pod)
        self._document = _document(job, definition)

    def document(self) -> dict[str, Any]:
        """What SubmitJob takes; its name, tags and dependencies are the caller's."""
        pod: dict[str, Any] = {}
        for kind in KINDS:
            overrides = {name: one for name, one in self._overrides[kind].items() if one}
            named = len(self._containers(kind)) > 1
            listed = [{**({"name": name} if named else {}), **one} for name, one in overrides.items()]
            pod |= {kind: listed} if listed else {}
        pod |= {"metadata": self._metadata} if self._metadata else {}
        return self._document | ({"eksPropertiesOverride": {"podProperties": pod}} if pod else {})

    def change(self, changes: RerunChanges, found: Findings) -> None:
        """Put in what the user wants to be different; of parameters those that the job has placeholders for.

        Args:
            changes: What.
            found: Takes what does not fit the job.
        """
        asked = {name: value for name, value in changes.parameters.items() if name in self.placeholders(changes)}
        if asked:
            self._document["parameters"] = {**self._document.get("parameters", {}), **asked}
        if not changes.override:
            return
        names = [str(container["name"]) for container in self._containers("containers")]
        addressed = {"name": changes.container} if changes.container else {}
        before = len(found.faults)
        check_override_names([addressed], "changes", names, found)
        if len(found.faults) == before:
            self._override("containers", changes.container or names[0], changes.override)

    def placeholders(self, changes: RerunChanges) -> set[str]:
        """Names that parameters can give values to, in commands and arguments of the job and of its changes."""
        words = [*changes.command, *changes.args]
        for kind, container in self.all_containers():
            for field in ("command", "args"):
                words += self.effective(kind, container, field) or ()
        return {name for word in words for name in _REFERENCE.findall(word)}

    def double_memory(self) -> str:
        """Double the memory of all containers; gives the memory before and after, for people."""
        shown = []
        for container in self._containers("containers"):
            resources = self.effective("containers", container, "resources") or {}
            before = {**mapping(resources.get("requests")), **mapping(resources.get("limits"))}["memory"]
            after = f"{2 * int(before.removesuffix('Mi'))}Mi"
            amount = {"memory": after}
            self._override("containers", container["name"], {"resources": {"limits": amount, "requests": amount}})
            shown.append(f"{before} → {after}")
        return ", ".join(shown)

    def all_containers(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each container of the definition, and which kind it is."""
        for kind in KINDS:
            yield from ((kind, container) for container in self._containers(kind))

    def effective(self, kind: str, container: Mapping[str, Any], field: str) -> Any:
        """What a field of a container will be: the definition's, unless the job overrides it."""
        override = self._overrides[kind].get(container["name"], {})
        if field == "resources":
            return _merged_resources(mapping(container.get(field)), mapping(override.get(field)))
        if field == "env":
            return list(_variables(container.get("env"), override.get("env")).values())
        return override.get(field) or container.get(field)

    def run(self, kind: str, container: Mapping[str, Any], command: Sequence[str], args: Sequence[str]) -> None:
        """Have a container run another command."""
        self._override(kind, container["name"], {"command": list(command), "args": list(args)})

    def make_array(self, size: int | None) -> None:
        """Make it an array of a size, or a single job."""
        self._document.pop("arrayProperties", None)
        self._document |= {"arrayProperties": {"size": size}} if size else {}

    def _containers(self, kind: str) -> Sequence[Mapping[str, Any]]:
        return self._pod.get(kind) or ()

    def _override(self, kind: str, name: str, changes: Mapping[str, Any]) -> None:
        before = self._overrides[kind].setdefault(name, {})
        after = {**before, **changes}
        if "env" in changes:
            after["env"] = list(_variables(before.get("env"), changes["env"]).values())
        if "resources" in changes:
            after["resources"] = _merged_resources(mapping(before.get("resources")), changes["resources"])
        self._overrides[kind][name] = after


def _document(job: Mapping[str, Any], definition: Mapping[str, Any]) -> dict[str, Any]:
    document = {"jobQueue": job["jobQueue"], "jobDefinition": job["jobDefinition"]}
    asked = {
        "parameters": _different(job.get("parameters"), definition.get("parameters")),
        "arrayProperties": {"size": size} if (size := mapping(job.get("arrayProperties")).get("size")) else None,
        "retryStrategy": _retry(job) if _retry(job) != _retry(definition) else None,
        "timeout": job.get("timeout") if job.get("timeout") != definition.get("timeout") else None,
        "shareIdentifier": job.get("shareIdentifier"),
        "consumableResourcePropertiesOverride": _other(job, definition, "consumableResourceProperties"),
    }
    document |= {field: value for field, value in asked.items() if value}
    # Only queues with shares order their jobs by priority.
    priority = _other(job, definition, "schedulingPriority")
    return document | (
        {"schedulingPriorityOverride": priority} if priority is not None and asked["shareIdentifier"] else {}
    )


def _retry(document: Mapping[str, Any]) -> dict[str, Any]:
    """A retry strategy without what Batch fills in."""
    given = {"attempts": 1, **mapping(document.get("retryStrategy"))}
    return {field: value for field, value in given.items() if value}


def _container_overrides(job: Mapping[str, Any], pod: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    ran = mapping(mapping(job.get("eksProperties")).get("podProperties"))
    parameters = mapping(job.get("parameters"))
    overrides: dict[str, dict[str, dict[str, Any]]] = {}
    for kind in KINDS:
        defined = {container["name"]: container for container in pod.get(kind) or ()}
        overrides[kind] = {
            container["name"]: _container_override(container, defined[container["name"]], parameters)
            for container in ran.get(kind) or ()
            if container.get("name") in defined
        }
    return overrides


def _container_override(
    ran: Mapping[str, Any], defined: Mapping[str, Any], parameters: Mapping[str, str]
) -> dict[str, Any]:
    override: dict[str, Any] = {}
    if ran.get("image") != defined.get("image"):
        override["image"] = ran.get("image")
    for field in ("command", "args"):
        words, own = ran.get(field) or [], defined.get(field) or []
        if words not in (own, [_with_values(word, parameters) for word in own]):
            override[field] = words
    before = _variables(defined.get("env"))
    override["env"] = [
        variable
        for name, variable in _variables(ran.get("env")).items()
        if variable != before.get(name) and not name.startswith(_OWN_VARIABLES)
    ]
    amounts, defaults = mapping(ran.get("resources")), mapping(defined.get("resources"))
    sides = {side: _different(amounts.get(side), defaults.get(side)) for side in ("limits", "requests")}
    override["resources"] = {side: different for side, different in sides.items() if different}
    return {field: value for field, value in override.items() if value}


def _metadata_override(job: Mapping[str, Any], pod: Mapping[str, Any]) -> dict[str, Any]:
    ran = mapping(mapping(mapping(job.get("eksProperties")).get("podProperties")).get("metadata"))
    defined = mapping(pod.get("metadata"))
    found: dict[str, Any] = {}
    for field in ("labels", "annotations"):
        different = _different(ran.get(field), defined.get(field))
        found[field] = {key: value for key, value in different.items() if not key.startswith(_OWN_LABELS)}
    found["namespace"] = _other(ran, defined, "namespace")
    return {field: value for field, value in found.items() if value}


def _with_values(word: str, parameters: Mapping[str, str]) -> str:
    return _REFERENCE.sub(lambda match: parameters.get(match[1], match[0]), word)


def _variables(*lists: Any) -> dict[str, Any]:
    return {variable["name"]: variable for variables in lists for variable in variables or ()}


def _merged_resources(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    sides = {side: {**mapping(before.get(side)), **mapping(changes.get(side))} for side in ("limits", "requests")}
    return {side: amounts for side, amounts in sides.items() if amounts}


def _different(values: Any, defaults: Any) -> dict[str, Any]:
    return {key: value for key, value in mapping(values).items() if mapping(defaults).get(key) != value}


def _other(values: Mapping[str, Any], defaults: Mapping[str, Any], field: str) -> Any:
    return values.get(field) if values.get(field) != defaults.get(field) else None

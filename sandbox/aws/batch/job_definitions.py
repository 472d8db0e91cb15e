"""Job definitions: revisions, defaults, paging."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.aws.batch import pages, pod_properties, pod_rules
from sandbox.aws.batch.core import Core
from sandbox.aws.batch.identifiers import check_name, short_name
from sandbox.aws.batch.refusals import client_exception, execution_exception

_MOST_KIB = 24
_FOREIGN = ("containerProperties", "ecsProperties", "nodeProperties")


@dataclass
class JobDefinition:
    """One revision of a job definition."""

    name: str
    revision: int
    arn: str
    status: str
    document: dict[str, Any]
    tags: dict[str, str]

    @property
    def pod(self) -> dict[str, Any]:
        """Its pod properties, defaults filled in."""
        properties: dict[str, Any] = self.document["eksProperties"]["podProperties"]
        return properties

    def describe(self) -> dict[str, Any]:
        """As DescribeJobDefinitions gives it [B:JobDefinition]."""
        return {
            "jobDefinitionName": self.name,
            "jobDefinitionArn": self.arn,
            "revision": self.revision,
            "status": self.status,
            "containerOrchestrationType": "EKS",
            "tags": self.tags,
            **self.document,
        }


def check_retry(retry: Mapping[str, Any] | None) -> None:
    """Refuse a retry strategy outside [B:RetryStrategy] and [B:EvaluateOnExit] (our wording)."""
    if retry is None:
        return
    attempts = retry.get("attempts")
    if attempts is not None and not 1 <= attempts <= 10:
        raise execution_exception("retryStrategy.attempts must be between 1 and 10")
    conditions = retry.get("evaluateOnExit") or []
    if conditions and attempts is None:
        raise execution_exception("retryStrategy.attempts must be specified when evaluateOnExit is specified")
    if len(conditions) > 5:
        raise execution_exception("retryStrategy.evaluateOnExit must have at most 5 conditions")
    for condition in conditions:
        for field in ("onStatusReason", "onReason", "onExitCode"):
            pattern = condition.get(field)
            if pattern is None:
                continue
            stem = pattern.removesuffix("*")
            if len(pattern) > 512 or "*" in stem or (field == "onExitCode" and stem and not stem.isdigit()):
                raise execution_exception(f"evaluateOnExit.{field} {pattern!r} is not a valid pattern")


def check_timeout(timeout: Mapping[str, Any] | None) -> None:
    """[B:JobTimeout] "The minimum value for the timeout is 60 seconds" (our wording)."""
    seconds = (timeout or {}).get("attemptDurationSeconds")
    if seconds is not None and seconds < 60:
        raise execution_exception("timeout.attemptDurationSeconds must be at least 60")


def check_priority(priority: int | None, name: str) -> None:
    """[B:RegisterJobDefinitionRequest.schedulingPriority] 0 to 9999 (our wording)."""
    if priority is not None and not 0 <= priority <= 9999:
        raise execution_exception(f"{name} must be between 0 and 9999")


class JobDefinitions:
    """The operations on job definitions."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def register(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """RegisterJobDefinition: every call makes a new revision."""
        name = request["jobDefinitionName"]
        check_name(name)
        self._check(request)
        document: dict[str, Any] = {
            "type": request["type"],
            "parameters": dict(request.get("parameters") or {}),
            "eksProperties": {"podProperties": pod_properties.with_defaults(request["eksProperties"]["podProperties"])},
        }
        for field in ("retryStrategy", "timeout", "schedulingPriority", "consumableResourceProperties"):
            if request.get(field) is not None:
                document[field] = request[field]
        with self._core.lock:
            revisions = self._core.state.definitions.setdefault(name, [])
            number = revisions[-1].revision + 1 if revisions else 1
            arn = self._core.place.arn("job-definition", f"{name}:{number}")
            tags = dict(request.get("tags") or {})
            revisions.append(JobDefinition(name, number, arn, "ACTIVE", document, tags))
        return {"jobDefinitionName": name, "jobDefinitionArn": arn, "revision": number}

    def _check(self, request: Mapping[str, Any]) -> None:
        if request["type"] == "multinode" or request.get("nodeProperties"):
            raise execution_exception("multi-node parallel job definitions are not played by the sandbox")
        foreign = [field for field in _FOREIGN if request.get(field)]
        pod = (request.get("eksProperties") or {}).get("podProperties")
        if foreign and pod:
            raise execution_exception(f"{foreign[0]} can't be specified together with eksProperties")
        if foreign:
            raise execution_exception(f"{foreign[0]}: the sandbox plays AWS Batch on EKS only")
        if not pod:
            raise execution_exception("eksProperties.podProperties must be specified")
        if request.get("platformCapabilities") or request.get("propagateTags"):
            raise execution_exception("platformCapabilities and propagateTags are not supported for EKS jobs")
        pod_rules.check_pod(pod)
        check_retry(request.get("retryStrategy"))
        check_timeout(request.get("timeout"))
        check_priority(request.get("schedulingPriority"), "schedulingPriority")
        size = len(json.dumps(request))
        if size > _MOST_KIB * 1024:
            # User Guide, service limits: 24 KiB. Wording after the known one of SubmitJob's payload.
            raise execution_exception(f"Job definition size must be less than {_MOST_KIB} KiB, got {size // 1024} KiB")

    def deregister(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DeregisterJobDefinition: the revision stays, INACTIVE (for 180 days)."""
        given = short_name(request["jobDefinition"])
        name, colon, revision = given.partition(":")
        if not colon:
            raise client_exception(f"JobDefinition {given} must be specified with its revision")
        with self._core.lock:
            definition = self._revision(name, revision)
            if definition is None:
                raise client_exception(f"JobDefinition {given} not found.")
            definition.status = "INACTIVE"
        return {}

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DescribeJobDefinitions: by list, by name, by status, else all; at most 100 a page."""
        wanted = request.get("jobDefinitions") or []
        if len(wanted) > 100:
            raise execution_exception("Maximum number of job definitions supported is  100 .")
        status = request.get("status")
        with self._core.lock:
            if wanted:
                found = [each for given in wanted for each in self._named(short_name(given))]
            elif request.get("jobDefinitionName"):
                found = list(reversed(self._core.state.definitions.get(request["jobDefinitionName"], [])))
            else:
                found = [each for group in self._core.state.definitions.values() for each in reversed(group)]
            page, token = pages.cut([each for each in found if status in (None, each.status)], request)
            answer: dict[str, Any] = {"jobDefinitions": [definition.describe() for definition in page]}
        return answer | ({"nextToken": token} if token else {})

    def _named(self, given: str) -> list[JobDefinition]:
        name, colon, revision = given.partition(":")
        if not colon:
            return list(reversed(self._core.state.definitions.get(name, [])))
        definition = self._revision(name, revision)
        return [definition] if definition else []

    def _revision(self, name: str, revision: str) -> JobDefinition | None:
        revisions = self._core.state.definitions.get(name, [])
        number = int(revision) if revision.isdigit() else 0
        return revisions[number - 1] if 1 <= number <= len(revisions) else None

    def active(self, given: str) -> JobDefinition:
        """The revision that SubmitJob means: the given one, or the latest that is ACTIVE.

        Texts as reported in aws-samples/aws-genomics-workflows#84 and azavea/raster-vision-aws#17.
        """
        name, colon, revision = short_name(given).partition(":")
        if not given.startswith("arn:") and colon and not revision.isdigit():
            check_name(given)
        revisions = self._core.state.definitions.get(name, [])
        if colon:
            found = self._revision(name, revision)
            if found is not None and found.status == "ACTIVE":
                return found
        else:
            for definition in reversed(revisions):
                if definition.status == "ACTIVE":
                    return definition
        if given.startswith("arn:"):
            raise client_exception(f"JobDefinition {given} not found.")
        raise client_exception(f"JobDefinition name {given} does not exist or is not in ACTIVE status")

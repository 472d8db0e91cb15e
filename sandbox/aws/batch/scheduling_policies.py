"""Scheduling policies: fair share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.aws.batch import pages
from sandbox.aws.batch.core import Core
from sandbox.aws.batch.identifiers import check_name, short_name
from sandbox.aws.batch.refusals import client_exception, execution_exception


@dataclass
class SchedulingPolicy:
    """A fair-share policy."""

    name: str
    arn: str
    fairshare: dict[str, Any]
    tags: dict[str, str]

    def weight(self, share: str) -> float:
        """The weight of a share identifier; one ending in `*` matches a prefix; unlisted ones weigh 1.

        [B:ShareAttributes].
        """
        best, factor = -1, 1.0
        for attributes in self.fairshare.get("shareDistribution") or []:
            pattern = attributes["shareIdentifier"]
            stem = pattern.removesuffix("*")
            matches = share.startswith(stem) if pattern.endswith("*") else share == pattern
            if matches and len(stem) > best:
                best, factor = len(stem), float(attributes.get("weightFactor", 1.0))
        return factor

    def describe(self) -> dict[str, Any]:
        """As DescribeSchedulingPolicies gives it."""
        return {
            "name": self.name,
            "arn": self.arn,
            "fairsharePolicy": self.fairshare,
            "tags": self.tags,
        }


class SchedulingPolicies:
    """The operations on scheduling policies."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def create(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """CreateSchedulingPolicy."""
        name = request["name"]
        check_name(name)
        if request.get("quotaSharePolicy") is not None:
            if request.get("fairsharePolicy") is not None:
                raise execution_exception("Only one of fairsharePolicy or quotaSharePolicy can be set")
            raise execution_exception("quotaSharePolicy is not played by the sandbox")
        fairshare = dict(request.get("fairsharePolicy") or {})
        _check(fairshare)
        with self._core.lock:
            if name in self._core.state.policies:
                raise client_exception("Object already exists", 409)
            arn = self._core.place.arn("scheduling-policy", name)
            tags = dict(request.get("tags") or {})
            self._core.state.policies[name] = SchedulingPolicy(name, arn, _with_defaults(fairshare), tags)
        return {"name": name, "arn": arn}

    def update(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """UpdateSchedulingPolicy."""
        with self._core.lock:
            policy = self._found(request["arn"])
            if request.get("fairsharePolicy") is not None:
                fairshare = dict(request["fairsharePolicy"])
                _check(fairshare)
                policy.fairshare = _with_defaults(fairshare)
        self._core.wake()
        return {}

    def delete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DeleteSchedulingPolicy: not while a queue uses it [B:DeleteSchedulingPolicy]."""
        with self._core.lock:
            policy = self._found(request["arn"])
            if any(queue.policy is policy for queue in self._core.state.queues.values()):
                raise client_exception("Cannot delete, found existing JobQueue relationship")
            del self._core.state.policies[policy.name]
        return {}

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DescribeSchedulingPolicies: by ARN, at most 100."""
        if len(request["arns"]) > 100:
            raise execution_exception("Maximum number of scheduling policies supported is  100 .")
        with self._core.lock:
            policies = self._core.state.policies
            found = [policies[short_name(arn)] for arn in request["arns"] if short_name(arn) in policies]
            return {"schedulingPolicies": [policy.describe() for policy in found]}

    def list(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """ListSchedulingPolicies."""
        with self._core.lock:
            page, token = pages.cut(list(self._core.state.policies.values()), request)
        answer: dict[str, Any] = {"schedulingPolicies": [{"arn": policy.arn} for policy in page]}
        return answer | ({"nextToken": token} if token else {})

    def _found(self, arn: str) -> SchedulingPolicy:
        policy = self._core.state.policies.get(short_name(arn))
        if policy is None:
            raise execution_exception(f"{arn} does not exist")
        return policy


def _with_defaults(fairshare: dict[str, Any]) -> dict[str, Any]:
    return {"shareDecaySeconds": 0, "computeReservation": 0, "shareDistribution": [], **fairshare}


def _check(fairshare: Mapping[str, Any]) -> None:
    """[B:FairsharePolicy], [B:ShareAttributes] (our wording)."""
    if not 0 <= fairshare.get("shareDecaySeconds", 0) <= 604800:
        raise execution_exception("shareDecaySeconds must be between 0 and 604800")
    if not 0 <= fairshare.get("computeReservation", 0) <= 99:
        raise execution_exception("computeReservation must be between 0 and 99")
    distribution = fairshare.get("shareDistribution") or []
    names = [share["shareIdentifier"] for share in distribution]
    if len(set(names)) != len(names):
        raise execution_exception("shareDistribution has a share identifier twice")
    if len(names) > 500:
        raise execution_exception("shareDistribution must have at most 500 share identifiers")
    for share in distribution:
        if not 0.0001 <= share.get("weightFactor", 1.0) <= 999.9999:
            raise execution_exception("weightFactor must be between 0.0001 and 999.9999")

"""Which compute environment stands for a name: one that cannot be changed in place gets a successor of another name.

AWS Batch cannot rename, and a name is free only once its holder is gone. So a successor is called `<name>-2`,
`<name>-3` and so on, and a tag names what it stands for. No state is kept: a run finds all of them by that tag.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.change_kind import is_kubernetes_upgrade
from specs.compute_environment import ComputeEnvironmentSpec
from specs.job_queue import JobQueueSpec
from tasks.compute_environment import ComputeEnvironment
from tasks.ownership import OWNER, has_aws_mark
from tasks.step import step

STANDS_FOR_TAG = f"{OWNER}:stands-for"
FORMER_NAMESPACES_TAG = f"{OWNER}:former-namespaces"
# Characters (botocore shape TagValue).
LONGEST_TAG = 256
# AWS Batch User Guide, service_limits; neither can be raised.
MOST, MOST_A_CLUSTER = 50, 5
LONGEST_NAME = 128


class Generation(BaseModel):
    """The compute environment that stands, or is to stand, for a name.

    Attributes:
        name: Its own name.
        outgoing: Names of the others that stand or stood for it, to be drained and deleted.
        stand_ins: By name, the newest environment that stands for it.
        former_namespaces: Where those that it has replaced ran their pods, the last first: to be given up.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    outgoing: tuple[str, ...] = ()
    stand_ins: Mapping[str, str] = {}
    former_namespaces: tuple[str, ...] = ()

    def named(self, spec: ComputeEnvironmentSpec) -> ComputeEnvironmentSpec:
        """The environment's document under its own name, with tags that say what it stands for and has replaced.

        Args:
            spec: The document under the name that people gave.
        """
        return _named(spec, self.name, self.former_namespaces)

    def queue_in_front(self, queue: JobQueueSpec) -> JobQueueSpec:
        """The queue's document, compute environments by the names of those that stand for them.

        Args:
            queue: The document, whose names are those that people gave.
        """
        document = queue.to_document()
        order = document.get("computeEnvironmentOrder")
        if not (order and self.stand_ins):
            return queue
        present = [{**entry, "computeEnvironment": self._stand_in(entry["computeEnvironment"])} for entry in order]
        return JobQueueSpec.from_document({**document, "computeEnvironmentOrder": present})

    def _stand_in(self, name_or_arn: str) -> str:
        return self.stand_ins.get(name_or_arn.rsplit("/", 1)[-1], name_or_arn)


@step("choice of a compute environment for {spec.compute_environment_name}")
def choose_generation(
    cluster: EksCluster, spec: ComputeEnvironmentSpec, *, replace: bool = False, adopt: bool = False
) -> Generation:
    """Choose which compute environment is brought in line with the document: one that is there, or a new one.

    Of those that are there it is the one that needs least: no successor, no other version of Kubernetes; the newest of
    several. So a run that was interrupted goes on with what it had made.

    Args:
        cluster: Where.
        spec: The document, under the name that people gave.
        replace: Choose a new one where none can become what is wanted in place, or only by changing the version of
            Kubernetes under running jobs.
        adopt: One of that name counts although these flows did not make it.

    Raises:
        OperationError: If a new one is needed and AWS Batch's quotas leave no room for it.
    """
    every = list(all_environments(cluster))
    base = spec.compute_environment_name
    found = _generations(cluster, every, base)
    if adopt and base not in found:
        found |= {one["computeEnvironmentName"]: one for one in every if one["computeEnvironmentName"] == base}
    # Those that are on their way out can neither be kept nor be deleted another time.
    lasting = [name for name in found if found[name]["status"] != "DELETING"]
    chosen = min(lasting, key=lambda name: _need(cluster, spec, found[name]), default=base)
    if replace and chosen in found and _need(cluster, spec, found[chosen]):
        _check_quotas(cluster, every, base)
        chosen = _next_name(base, every)
    stand_ins = {name: stand_in for name, stand_in in _stand_ins(cluster, every).items() if name != base}
    return Generation(
        name=chosen,
        outgoing=tuple(name for name in found if name != chosen),
        stand_ins=stand_ins | ({base: chosen} if chosen != base else {}),
        former_namespaces=_former(found[chosen]) if chosen in found else _left_behind(spec, found.values()),
    )


@step("generations of compute environment {base}")
def generations_of(cluster: EksCluster, base: str) -> dict[str, tuple[str, ...]]:
    """The name itself and the names of all environments of ours that stand or stood for it, the oldest first.

    Args:
        cluster: Where.
        base: The name that people gave.

    Returns:
        By name, the namespaces of those that it has replaced.
    """
    found = _generations(cluster, list(all_environments(cluster)), base)
    return {base: (), **{name: _former(found[name]) for name in reversed(found)}}


def all_environments(cluster: EksCluster) -> Iterator[dict[str, Any]]:
    """The compute environments of the account and region, whoever made them, as Batch describes them."""
    for page in cluster.batch.get_paginator("describe_compute_environments").paginate():
        yield from (dict(found) for found in page["computeEnvironments"] if found.get("status") != "DELETED")


def _generations(cluster: EksCluster, every: Sequence[Mapping[str, Any]], base: str) -> dict[str, Mapping[str, Any]]:
    """Ours on this cluster that stand for the name, the newest first."""
    ours = [one for one in every if has_aws_mark(one) and _cluster_of(one) == cluster.arn and _stands_for(one) == base]
    ours.sort(key=lambda one: _number(one["computeEnvironmentName"], base), reverse=True)
    return {one["computeEnvironmentName"]: one for one in ours}


def _stand_ins(cluster: EksCluster, every: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    bases = {_stands_for(one) for one in every if has_aws_mark(one)}
    newest = {base: next(iter(_generations(cluster, every, base)), base) for base in bases}
    return {base: name for base, name in newest.items() if name != base}


def _stands_for(environment: Mapping[str, Any]) -> str:
    return str((environment.get("tags") or {}).get(STANDS_FOR_TAG) or environment["computeEnvironmentName"])


def _cluster_of(environment: Mapping[str, Any]) -> str:
    return str((environment.get("eksConfiguration") or {}).get("eksClusterArn", ""))


def _need(cluster: EksCluster, spec: ComputeEnvironmentSpec, observed: Mapping[str, Any]) -> int:
    """What it takes to make of an environment what is wanted: 0 an update, 1 another Kubernetes, 2 a successor."""
    name = observed["computeEnvironmentName"]
    document = _named(spec, name, _former(observed)).to_document()
    if not ComputeEnvironment(cluster, name, document).can_become_wanted(observed):
        return 2
    return int(is_kubernetes_upgrade(observed, document))


def _former(environment: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple((environment.get("tags") or {}).get(FORMER_NAMESPACES_TAG, "").split())


def _left_behind(spec: ComputeEnvironmentSpec, replaced: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Namespaces that a successor leaves behind, and those that its predecessors could not give up."""
    named: dict[str, None] = {}
    for one in replaced:
        named |= dict.fromkeys([one["eksConfiguration"]["kubernetesNamespace"], *_former(one)])
    named.pop(spec.eks_configuration.kubernetes_namespace, None)
    # Names are shorter than 64 characters: what a tag has room for. More can only be left where others keep them.
    return tuple(named)[: LONGEST_TAG // 64]


def _named(spec: ComputeEnvironmentSpec, name: str, former_namespaces: Sequence[str]) -> ComputeEnvironmentSpec:
    base = spec.compute_environment_name
    if name == base:
        return spec
    document = spec.to_document()
    tags = {**document.get("tags", {}), STANDS_FOR_TAG: base}
    if former_namespaces:
        tags[FORMER_NAMESPACES_TAG] = " ".join(former_namespaces)
    return ComputeEnvironmentSpec.from_document({**document, "computeEnvironmentName": name, "tags": tags})


def _next_name(base: str, every: Sequence[Mapping[str, Any]]) -> str:
    """The name after the newest generation's; a name that others hold is passed over."""
    taken = {one["computeEnvironmentName"] for one in every}
    number = max((_number(one["computeEnvironmentName"], base) for one in every if _stands_for(one) == base), default=1)
    while (name := _numbered(base, number + 1)) in taken:
        number += 1
    return name


def _numbered(base: str, number: int) -> str:
    ending = f"-{number}"
    return base[: LONGEST_NAME - len(ending)] + ending


def _number(name: str, base: str) -> int:
    match = re.fullmatch(r".*-(\d+)", name)
    return int(match[1]) if match and name != base else 1


def _check_quotas(cluster: EksCluster, every: Sequence[Mapping[str, Any]], base: str) -> None:
    here = [one["computeEnvironmentName"] for one in every if _cluster_of(one) == cluster.arn]
    for count, most, where in ((len(here), MOST_A_CLUSTER, "EKS cluster"), (len(every), MOST, "account and region")):
        if count >= most:
            named = f": {', '.join(here)}" if where == "EKS cluster" else ""
            raise OperationError(
                f"compute environment {base}",
                f"it has to be replaced, and there are {count} compute environments already{named}",
                f"AWS Batch allows {most} for each {where}, and the new one must be healthy before the old one goes",
                "delete one that is not needed, then run again",
            )

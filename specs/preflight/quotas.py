"""Rules of Batch's quotas, none of which AWS raises."""

from collections.abc import Iterator

from specs.preflight.facts import Usage
from specs.preflight.rule import Finding, error, rule_of
from specs.source import guide

ENVIRONMENTS_A_CLUSTER, ENVIRONMENTS, ENVIRONMENTS_A_QUEUE, QUEUES = 5, 50, 3, 50
_DELETE = "delete one that is not used any more"


def _environments_a_cluster(usage: Usage) -> Iterator[Finding]:
    if usage.environment not in usage.on_cluster and len(usage.on_cluster) >= ENVIRONMENTS_A_CLUSTER:
        evidence = f"the cluster has {len(usage.on_cluster)} of {ENVIRONMENTS_A_CLUSTER} compute environments: "
        yield error(evidence + ", ".join(usage.on_cluster), _DELETE)


def _environments(usage: Usage) -> Iterator[Finding]:
    if usage.environment not in usage.environments and len(usage.environments) >= ENVIRONMENTS:
        yield error(f"the region has {len(usage.environments)} of {ENVIRONMENTS} compute environments", _DELETE)


def _environments_a_queue(usage: Usage) -> Iterator[Finding]:
    if usage.in_queue > ENVIRONMENTS_A_QUEUE:
        evidence = f"job queue {usage.queue} is to have {usage.in_queue} compute environments"
        yield error(f"{evidence}; a queue has at most {ENVIRONMENTS_A_QUEUE}", "name fewer in computeEnvironmentOrder")


def _queues(usage: Usage) -> Iterator[Finding]:
    if usage.queue not in usage.queues and len(usage.queues) >= QUEUES:
        yield error(f"the region has {len(usage.queues)} of {QUEUES} job queues", _DELETE)


_LIMITS = guide("service_limits")
RULES = (
    rule_of(
        "usage",
        "environments-per-cluster",
        f"the cluster has room for a compute environment ({ENVIRONMENTS_A_CLUSTER})",
        _LIMITS,
        _environments_a_cluster,
    ),
    rule_of(
        "usage",
        "environments-per-region",
        f"the region has room for a compute environment ({ENVIRONMENTS})",
        _LIMITS,
        _environments,
    ),
    rule_of(
        "usage",
        "environments-per-queue",
        f"the queue has at most {ENVIRONMENTS_A_QUEUE} compute environments",
        _LIMITS,
        _environments_a_queue,
    ),
    rule_of("usage", "queues-per-region", f"the region has room for a job queue ({QUEUES})", _LIMITS, _queues),
)

"""Rules of what must answer where these flows run."""

from collections.abc import Callable, Iterator

from specs.preflight.facts import Target
from specs.preflight.rule import Finding, rule_of
from specs.source import EKS_GUIDE, guide

_WHERE = {
    "vpc": "inside the cluster's VPC, or a network connected to it (work pool batch-eks)",
    "internet": "where there is a route to the internet (work pool batch-eks-internet)",
    "either": "inside the VPC through its interface endpoint, or from the internet",
}


def _unreached(kind: str) -> Callable[[tuple[Target, ...]], Iterator[Finding]]:
    def check(targets: tuple[Target, ...]) -> Iterator[Finding]:
        for target in targets:
            if target.kind == kind and target.problem:
                yield _finding(target)

    return check


def _finding(target: Target) -> Finding:
    evidence = f"{target.name} at {target.address} does not answer here ({target.problem}); it is called to "
    evidence += f"{target.purpose}, and meant to be reached {_WHERE[target.position]}"
    return Finding(level=target.level, evidence=evidence, fix=target.fix)


RULES = (
    rule_of(
        "targets",
        "aws-reachability",
        "the AWS APIs answer here",
        guide("vpc-interface-endpoints"),
        _unreached("aws"),
    ),
    rule_of(
        "targets",
        "kubernetes-reachability",
        "the Kubernetes API answers here",
        f"{EKS_GUIDE}/cluster-endpoint.html",
        _unreached("kubernetes"),
    ),
    rule_of(
        "targets",
        "registry-reachability",
        "the registries that images come from and go to answer here",
        guide("getting-started-eks-privateclusters"),
        _unreached("registry"),
    ),
)

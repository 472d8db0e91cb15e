"""EKS add-ons on nodes that Batch manages: whether their pods tolerate Batch's taints, and how they are made to."""

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from specs.wire import elements, mapping

CLOUDWATCH = "amazon-cloudwatch-observability"
POD_IDENTITY_AGENT = "eks-pod-identity-agent"

# AWS Batch User Guide, daemonset-on-batch-eks-nodes: the taints of Batch's nodes, and what tolerates both.
TAINT = "batch.amazonaws.com/batch-node"
EFFECTS = ("NoSchedule", "NoExecute")
TOLERATION: Mapping[str, str] = {"key": TAINT, "operator": "Exists"}

# From which version on an add-on tolerates every taint by default: CloudWatch User Guide,
# install-CloudWatch-Observability-EKS-addon; https://github.com/aws/amazon-vpc-cni-k8s/issues/2780.
TOLERATES_ALL_SINCE: Mapping[str, tuple[int, int]] = {CLOUDWATCH: (1, 7), POD_IDENTITY_AGENT: (1, 2)}


def configuration(values: str) -> dict[str, Any]:
    """`configurationValues` of an add-on, JSON or YAML, as a document; empty where they are none.

    Args:
        values: As DescribeAddon answers.
    """
    return dict(mapping(yaml.safe_load(values or "{}")))


def tolerates_batch_nodes(name: str, version: str, values: str) -> bool:
    """Whether the pods of an add-on may run on the nodes that Batch manages.

    Args:
        name: Its name.
        version: Its version, such as `v1.2.0-eksbuild.1`.
        values: Its `configurationValues`, which replace the tolerations that it has by default.
    """
    found = configuration(values)
    if "tolerations" not in found:
        return _version(version) >= TOLERATES_ALL_SINCE[name]
    tolerations = [mapping(each) for _, each in elements(found["tolerations"], "tolerations")]
    return all(any(_tolerates(each, effect) for each in tolerations) for effect in EFFECTS)


def collects_container_logs(values: str) -> bool:
    """Whether the CloudWatch add-on collects the logs of containers, as it does by default.

    CloudWatch User Guide, install-CloudWatch-Observability-EKS-addon, "Opt out of collecting container logs".

    Args:
        values: Its `configurationValues`.
    """
    return mapping(configuration(values).get("containerLogs")).get("enabled", True) is not False


def with_container_logs(version: str, values: str) -> str:
    """`configurationValues` with which the CloudWatch add-on collects the logs of Batch's jobs; all else stays.

    AWS Batch User Guide, batch-eks-cloudwatch-logs.

    Args:
        version: Of the add-on; empty where it is not there yet, and EKS chooses.
        values: What there is, or nothing.
    """
    found = configuration(values)
    if not tolerates_batch_nodes(CLOUDWATCH, version, values):
        found["tolerations"] = [*(found.get("tolerations") or []), dict(TOLERATION)]
    if not collects_container_logs(values):
        found["containerLogs"] = {**found["containerLogs"], "enabled": True}
    return json.dumps(found)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", text.partition("-")[0])[:2])


def _tolerates(toleration: Mapping[str, Any], effect: str) -> bool:
    """Whether it is of Batch's taint, whose value no page gives, and of an effect; an empty key is of all taints.

    https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
    """
    of_taint = toleration.get("operator") == "Exists" and toleration.get("key") in (TAINT, None, "")
    return of_taint and toleration.get("effect") in (effect, None, "")

"""Documents as the tutorial has them, and what is wrong with edited ones."""

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from specs.fault import Fault, SpecError
from specs.spec import Spec

MISSING = object()
CLUSTER = "arn:aws:eks:us-east-1:123456789012:cluster/my-test-cluster"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/my-prefix/amazonlinux/amazonlinux:2"

Edit = Callable[..., dict[str, Any]]
Faults = Callable[[type[Spec], Mapping[str, Any]], list[Fault]]


@pytest.fixture(scope="session")
def edit() -> Edit:
    """``edit(document, path, value)``: a copy with one field set, or removed when no value is given."""

    def edit(document: Mapping[str, Any], path: str, value: Any = MISSING) -> dict[str, Any]:
        result: Any = copy.deepcopy(dict(document))
        steps: list[Any] = [
            int(step[1:-1]) if step.startswith("[") else step for step in re.findall(r"\[\d+\]|[^.\[\]]+", path)
        ]
        place = result
        for step in steps[:-1]:
            place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
        if value is MISSING:
            del place[steps[-1]]
        elif isinstance(place, list) and steps[-1] == len(place):
            place.append(value)
        else:
            place[steps[-1]] = value
        return result  # type: ignore[no-any-return]  # the copy of a dict

    return edit


@pytest.fixture(scope="session")
def faults() -> Faults:
    """``faults(spec, document)``: all faults of a document."""

    def faults(spec: type[Spec], document: Mapping[str, Any]) -> list[Fault]:
        try:
            spec.from_document(document)
        except SpecError as error:
            return list(error.faults)
        return []

    return faults


@pytest.fixture(scope="session")
def compute_environment() -> dict[str, Any]:
    """The tutorial's compute environment, its placeholders filled in."""
    return {
        "computeEnvironmentName": "My-Eks-CE1",
        "type": "MANAGED",
        "state": "ENABLED",
        "eksConfiguration": {"eksClusterArn": CLUSTER, "kubernetesNamespace": "my-aws-batch-namespace"},
        "computeResources": {
            "type": "EC2",
            "allocationStrategy": "BEST_FIT_PROGRESSIVE",
            "minvCpus": 0,
            "maxvCpus": 128,
            "instanceTypes": ["m5"],
            "subnets": ["subnet-0123456789abcdef0"],
            "securityGroupIds": ["sg-0123456789abcdef0"],
            "instanceRole": "arn:aws:iam::123456789012:instance-profile/EksBatchInstanceProfile",
        },
    }


@pytest.fixture(scope="session")
def job_queue() -> dict[str, Any]:
    """The tutorial's job queue."""
    return {
        "jobQueueName": "My-Eks-JQ1",
        "priority": 10,
        "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "My-Eks-CE1"}],
    }


@pytest.fixture(scope="session")
def job_definition() -> dict[str, Any]:
    """The tutorial's job definition."""
    return {
        "jobDefinitionName": "MyJobOnEks_Sleep",
        "type": "container",
        "eksProperties": {
            "podProperties": {
                "hostNetwork": True,
                "containers": [
                    {
                        "image": IMAGE,
                        "command": ["sleep", "60"],
                        "resources": {"limits": {"cpu": "1", "memory": "1024Mi"}},
                    }
                ],
                "metadata": {"labels": {"environment": "test"}},
            }
        },
    }


@pytest.fixture(scope="session")
def job_request() -> dict[str, Any]:
    """The tutorial's submission with overrides."""
    return {
        "jobName": "EksWithOverrides",
        "jobQueue": "My-Eks-JQ1",
        "jobDefinition": "MyJobOnEks_Sleep",
        "eksPropertiesOverride": {
            "podProperties": {"containers": [{"command": ["/bin/sh"], "args": ["-c", "echo hello world"]}]}
        },
    }

"""The tutorial's platform and a job of it, for tests of what goes wrong with them."""

import time
from typing import Any

from blocks.eks_cluster import EksCluster
from sandbox.remote import RemoteSandbox
from specs.job_request import JobRequest
from specs.platform import PlatformSpec


def the_platform(sandbox: RemoteSandbox, **parts: Any) -> PlatformSpec:
    resources = {"instanceRole": sandbox.env["INSTANCE_PROFILE"]}
    return PlatformSpec.model_validate({"computeEnvironment": {"computeResources": resources}} | parts)


def described(cluster: EksCluster, name: str = "My-Eks-CE1") -> dict[str, Any]:
    (environment,) = cluster.batch.describe_compute_environments(computeEnvironments=[name])["computeEnvironments"]
    return dict(environment)


def status(cluster: EksCluster, name: str = "My-Eks-CE1") -> tuple[str, str]:
    environment = described(cluster, name)
    return environment["status"], environment.get("statusReason", "")


def wait_for_status(cluster: EksCluster, wanted: str, name: str = "My-Eks-CE1") -> str:
    deadline = time.monotonic() + 30
    while True:
        found, reason = status(cluster, name)
        if found == wanted:
            return reason
        assert time.monotonic() < deadline, f"{found}, not {wanted}: {reason}"
        time.sleep(0.2)


def job(**fields: Any) -> JobRequest:
    document = {"jobName": "trapped", "jobQueue": "My-Eks-JQ1", "jobDefinition": "MyJobOnEks_Sleep"}
    return JobRequest.from_document(document | fields)


def container_override(**fields: Any) -> dict[str, Any]:
    return {"eksPropertiesOverride": {"podProperties": {"containers": [fields]}}}

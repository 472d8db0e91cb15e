"""Runs setup_batch, or teardown, in a process that dies after some mutating calls; imported by a fork server."""

import http.client
import json
import os
import urllib.request
from pathlib import Path
from typing import Any
from unittest.mock import patch

from prefect.settings import PREFECT_API_URL, PREFECT_HOME, PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from flows.setup import setup_batch
from flows.teardown import teardown
from specs.platform import PlatformSpec
from tasks.report import StepsFailedError

CRASHED, FAILED = 137, 3


def run(
    environment: dict[str, str],
    prefect: dict[str, str],
    die_after: int | None,
    report: Path,
    down: bool = False,
    replace: bool = False,
    identity: str = "auto",
) -> None:
    """Run setup_batch once, or teardown.

    Args:
        environment: The sandbox's environment.
        prefect: PREFECT_API_URL and PREFECT_HOME.
        die_after: Die without any clean-up when this many mutating calls were answered; None to live.
        report: Where the outcomes are written, with the number of mutating calls.
        down: Run teardown.
        replace: Want another namespace, which the tutorial's compute environment cannot have.
        identity: What the EKS Cluster block asks for.
    """
    os.environ.update(environment)
    meter = _Meter(environment, die_after)
    meter.install()
    settings = {
        PREFECT_API_URL: prefect["PREFECT_API_URL"],
        PREFECT_HOME: Path(prefect["PREFECT_HOME"]),
        PREFECT_LOGGING_TO_API_ENABLED: False,
    }
    with temporary_settings(settings):
        resources = {"instanceRole": environment["INSTANCE_PROFILE"]}
        name = "elsewhere" if replace else "my-aws-batch-namespace"
        configuration = {"kubernetesNamespace": name}
        document = {"eksConfiguration": configuration, "computeResources": resources}
        platform = PlatformSpec.model_validate({"namespace": {"name": name}, "computeEnvironment": document})
        block = {"cluster_name": environment["EKS_CLUSTER"], "identity_mapping": identity}
        cluster = EksCluster.model_validate(block)
        try:
            if down:
                result = teardown(cluster, platform, delete_images=True, approve=False)
            else:
                result = setup_batch(cluster, platform, replace=replace)
        except (StepsFailedError, OperationError):
            os._exit(FAILED)
    outcomes = [[outcome.step, outcome.name, outcome.action] for outcome in result.outcomes]
    report.write_text(json.dumps({"outcomes": outcomes, "mutating": meter.count()}))
    os._exit(0)


def is_of_a_flow(call: dict[str, Any]) -> bool:
    """Whether a recorded call changes something and is not one of Batch, a node or a controller at work."""
    return bool(call["mutating"]) and not str(call["user"]).startswith(("aws-batch", "system:"))


class _Meter:
    """Counts mutating calls where they are answered: in the sandbox's own record."""

    def __init__(self, environment: dict[str, str], die_after: int | None) -> None:
        self._calls_url = f"{environment['AWS_ENDPOINT_URL']}/_sandbox/calls"
        self._die_after = die_after

    def install(self) -> None:
        """Look after every answer to boto3, to the Kubernetes client and to the image copier."""
        answer = http.client.HTTPConnection.getresponse

        def metered_answer(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
            response = answer(connection)
            # The method that putrequest kept; http.client has no public name for it. Reading by POST is common in AWS,
            # so what was not read by GET has yet to be looked up.
            if vars(connection).get("_method") not in ("GET", "HEAD"):
                self._check()
            return response

        patch.object(http.client.HTTPConnection, "getresponse", metered_answer).start()

    def count(self) -> int:
        """Mutating calls so far."""
        with urllib.request.urlopen(self._calls_url) as answer:
            return sum(1 for call in json.load(answer) if is_of_a_flow(call))

    def _check(self) -> None:
        if self._die_after is not None and self.count() >= self._die_after:
            os._exit(CRASHED)

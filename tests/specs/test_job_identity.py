"""The jobs' identity as it is asked for, and which jobs would not have it."""

from typing import Any

import pytest
from pydantic import ValidationError

from specs.job_definition import JobDefinitionSpec
from specs.job_identity import HOST_NETWORK_REPORT, ROLE_ANNOTATION, JobIdentitySpec
from specs.platform import PlatformSpec
from specs.source import EKS_GUIDE

ROLE = "arn:aws:iam::123456789012:role/team/BatchJobs"


def identity(**fields: Any) -> JobIdentitySpec:
    return JobIdentitySpec.model_validate({"roleArn": ROLE, **fields})


def definition(job_definition: dict[str, Any], edit: Any, **pod: Any) -> JobDefinitionSpec:
    for key, value in pod.items():
        job_definition = edit(job_definition, f"eksProperties.podProperties.{key}", value)
    return JobDefinitionSpec.from_document(job_definition)


def test_only_irsa_writes_the_role_on_the_account() -> None:
    metadata = {"name": "batch-jobs", "namespace": "batch"}
    manifest = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    assert identity().manifest("batch") == manifest
    annotated = identity(provider="irsa").manifest("batch")
    assert annotated == {**manifest, "metadata": {**metadata, "annotations": {ROLE_ANNOTATION: ROLE}}}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"serviceAccount": "default"}, "would get the role"),
        ({"serviceAccount": "Batch_Jobs"}, "pattern"),
        ({"serviceAccount": "a..b"}, "DNS subdomain"),
        ({"roleArn": "arn:aws:iam::123456789012:instance-profile/BatchJobs"}, "pattern"),
        ({"provider": "kiam"}, "'pod-identity' or 'irsa'"),
        ({"role": ROLE}, "Extra inputs"),
    ],
)
def test_what_cannot_be_an_identity_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        identity(**fields)


def test_the_platform_takes_it_by_its_wire_name() -> None:
    environment = {"computeResources": {"instanceRole": "EksBatchInstanceProfile"}}
    document = {"computeEnvironment": environment, "jobIdentity": {"roleArn": ROLE}, "containerLogs": True}
    platform = PlatformSpec.model_validate(document)
    assert (platform.job_identity, platform.container_logs) == (identity(), True)
    assert platform.model_dump(by_alias=True)["jobIdentity"]["serviceAccount"] == "batch-jobs"
    assert PlatformSpec.model_validate({"computeEnvironment": environment}).job_identity is None


@pytest.mark.parametrize(
    ("pod", "provider", "words"),
    [
        ({}, "pod-identity", "run as the service account default, not as batch-jobs: on the host's network"),
        ({"hostNetwork": False}, "pod-identity", "unless that is restricted, they reach the node's metadata service"),
        ({"serviceAccountName": "other"}, "irsa", "as the service account other, not as batch-jobs"),
        ({"serviceAccountName": "batch-jobs"}, "pod-identity", f"{EKS_GUIDE}/pod-identities.html). An open report"),
        ({"serviceAccountName": "batch-jobs"}, "pod-identity", HOST_NETWORK_REPORT),
        ({"serviceAccountName": "batch-jobs"}, "irsa", f"{EKS_GUIDE}/iam-roles-for-service-accounts.html)"),
    ],
)
def test_where_jobs_act_as_the_node_s_role_or_could(
    job_definition: dict[str, Any], edit: Any, pod: dict[str, Any], provider: str, words: str
) -> None:
    made = definition(job_definition, edit, **({"hostNetwork": True} | pod))
    (warning,) = identity(provider=provider).warnings([made])
    assert words in warning
    assert (HOST_NETWORK_REPORT in warning) == (provider == "pod-identity" and "batch-jobs" in pod.values())


def test_job_definitions_of_a_kind_are_named_together(job_definition: dict[str, Any], edit: Any) -> None:
    names = ("one", "two", "three")
    made = [definition({**job_definition, "jobDefinitionName": name}, edit, hostNetwork=True) for name in names]
    own = definition(job_definition, edit, serviceAccountName="batch-jobs", hostNetwork=True)
    without, on_host = identity().warnings([*made, own])
    assert "pods of one, two, three run as the service account default" in without
    assert "the AWS SDKs and CLI use EKS Pod Identity there too" in on_host


def test_a_pod_with_the_account_and_a_network_of_its_own_is_fine(job_definition: dict[str, Any], edit: Any) -> None:
    made = definition(job_definition, edit, serviceAccountName="batch-jobs", hostNetwork=False)
    assert identity().warnings([made]) == []

"""Documents pasted as text: whatever people have them in, and every fault with its place."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from specs.documents import parse_documents
from specs.fault import SpecError
from specs.job_list import read_job_documents
from specs.platform import PlatformSpec

QUEUE = {
    "jobQueueName": "Other-JQ",
    "priority": 7,
    "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "My-Eks-CE1"}],
}
RESOURCES = {
    "type": "EC2",
    "allocationStrategy": "BEST_FIT_PROGRESSIVE",
    "maxvCpus": 8,
    "minvCpus": 0,
    "instanceTypes": ["m5"],
    "instanceRole": "Pasted",
}
ENVIRONMENT = {
    "computeEnvironmentName": "My-Eks-CE1",
    "type": "MANAGED",
    "state": "ENABLED",
    "eksConfiguration": {"eksClusterArn": "<your-cluster-arn>", "kubernetesNamespace": "my-aws-batch-namespace"},
    "computeResources": RESOURCES,
}
FORM = {"computeEnvironment": {"computeResources": {"instanceRole": "Typed"}}}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([QUEUE, ENVIRONMENT]),
        json.dumps([QUEUE, ENVIRONMENT], indent="\t"),
        f"{json.dumps(QUEUE)}\n---\n{json.dumps(ENVIRONMENT)}",
        f"---\n- jobQueueName: Q\n- {json.dumps(ENVIRONMENT)}\n---\n",
    ],
    ids=["list", "tabs", "documents", "yaml"],
)
def test_several_documents_are_found_in_json_and_yaml(text: str) -> None:
    queue, environment = parse_documents(text, "documents")
    assert "jobQueueName" in queue
    assert environment == ENVIRONMENT


def test_pasted_documents_take_the_place_of_their_fields_and_of_no_others() -> None:
    text = f"{json.dumps(QUEUE)}\n---\n{json.dumps(ENVIRONMENT)}"
    platform = PlatformSpec.model_validate({"documents": text, "nodeRoleArn": "arn:aws:iam::1:role/r"} | FORM)
    assert platform.job_queue.to_document() == QUEUE
    assert platform.compute_environment.to_document() == ENVIRONMENT
    assert platform.node_role_arn == "arn:aws:iam::1:role/r"
    assert platform.job_definitions == PlatformSpec.model_validate(FORM).job_definitions
    # What was read is all there is: the run's parameters can be sent on, as to a flow within the flow.
    assert PlatformSpec.model_validate(platform.model_dump(by_alias=True)) == platform


def test_a_platform_s_namespace_and_several_job_definitions_can_be_pasted() -> None:
    container = {
        "image": "public.ecr.aws/amazonlinux/amazonlinux:2",
        "resources": {"limits": {"cpu": "1", "memory": "64Mi"}},
    }
    pod = {"podProperties": {"containers": [container]}}
    definitions = [{"jobDefinitionName": name, "type": "container", "eksProperties": pod} for name in ("One", "Two")]
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other", "labels": {"name": "other"}}}
    environment: dict[str, Any] = ENVIRONMENT | {"eksConfiguration": {"kubernetesNamespace": "other"}}
    platform = PlatformSpec.model_validate({"documents": json.dumps([*definitions, namespace, environment])})
    assert [definition.job_definition_name for definition in platform.job_definitions] == ["One", "Two"]
    assert platform.namespace.to_document() == namespace


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        ("a: [", "platform.documents: It is neither JSON nor YAML"),
        ("just text", "platform.documents[0] = 'just text': Each document is an object."),
        (json.dumps([QUEUE, QUEUE]), "platform.documents = 'jobQueue': A platform has one of each"),
        ("kind: ConfigMap\nmetadata: {}", "platform.documents[0].document = ['kind', 'metadata']: It is none of"),
        (json.dumps([QUEUE | {"priority": -1}]), "platform.documents[0].priority = -1"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(documents: str, said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        PlatformSpec.model_validate({"documents": documents} | FORM)
    assert said in str(refused.value)


def test_jobs_are_read_as_the_aws_cli_takes_them_all_faults_at_once() -> None:
    job = {"jobName": "One", "jobQueue": "Q", "jobDefinition": "D"}
    assert [each.to_document() for each in read_job_documents(json.dumps([job, job]))] == [job, job]
    with pytest.raises(SpecError) as refused:
        read_job_documents("jobName: a b\njobQueue: Q\njobDefinition: D\n---\njobName: ok\n")
    assert {fault.path for fault in refused.value.faults} == {
        "documents[0].jobName",
        "documents[1].jobQueue",
        "documents[1].jobDefinition",
    }

"""What the documents of one platform must agree on."""

from typing import Any

import pytest
from pydantic import ValidationError

from specs.platform import PlatformSpec


def platform(**parts: Any) -> PlatformSpec:
    environment = {"computeResources": {"instanceRole": "EksBatchInstanceProfile"}}
    return PlatformSpec.model_validate({"computeEnvironment": environment} | parts)


def in_namespace(job_definition: dict[str, Any], edit: Any, namespace: str) -> list[dict[str, Any]]:
    return [edit(job_definition, "eksProperties.podProperties.metadata.namespace", namespace)]


def test_pods_run_where_setup_gives_batch_its_rights(job_definition: dict[str, Any], edit: Any) -> None:
    same = in_namespace(job_definition, edit, "my-aws-batch-namespace")
    assert platform(jobDefinitions=same).job_definitions[0].to_document() == same[0]
    with pytest.raises(ValidationError, match="must have identical RBAC roles"):
        platform(jobDefinitions=in_namespace(job_definition, edit, "elsewhere"))


def test_all_that_does_not_agree_is_said_at_once(job_definition: dict[str, Any], edit: Any) -> None:
    two = in_namespace(job_definition, edit, "elsewhere") * 2
    with pytest.raises(ValidationError) as refused:
        platform(
            jobDefinitions=two,
            namespace={"name": "other"},
            jobQueue={"computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "Other"}]},
        )
    for words in (
        "in the wrong namespace",
        "identical RBAC roles",
        "two job definitions",
        "not the compute environment",
    ):
        assert words in str(refused.value)

"""The documents of a platform, pasted instead of filled in: each is recognised by its fields."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from specs.compute_environment import ComputeEnvironmentSpec
from specs.documents import parse_documents, read_each
from specs.fault import Fault, SpecError
from specs.job_definition import JobDefinitionSpec
from specs.job_queue import JobQueueSpec
from specs.namespace import NamespaceSpec
from specs.scheduling_policy import SchedulingPolicySpec
from specs.spec import Spec

FIELD = "platform.documents"
_LIST = "jobDefinitions"


def platform_fields(text: str, compute_environment: type[ComputeEnvironmentSpec]) -> dict[str, Any]:
    """The fields of a platform that documents take the place of.

    Args:
        text: JSON or YAML.
        compute_environment: What a compute environment's document is read as.

    Returns:
        What was read, by the field's wire name.

    Raises:
        SpecError: If a document is none of a platform's, is there twice, or breaks rules; all of it is listed.
    """
    models: dict[str, type[Spec]] = {
        "computeEnvironment": compute_environment,
        "jobQueue": JobQueueSpec,
        _LIST: JobDefinitionSpec,
        "schedulingPolicy": SchedulingPolicySpec,
        "namespace": NamespaceSpec,
    }
    documents = parse_documents(text, FIELD)
    read = read_each(documents, lambda document: models[_field_of(document)], FIELD)
    names = [_field_of(document) for document in documents]
    repeated = [name for name, count in Counter(names).items() if count > 1 and name != _LIST]
    if repeated:
        rule = "A platform has one of each, but for job definitions."
        raise SpecError(FIELD, [Fault(FIELD, name, rule, "Leave the others out.", "setup_batch") for name in repeated])
    fields: dict[str, Any] = {}
    for name, spec in zip(names, read, strict=True):
        fields[name] = [*fields.get(name, []), spec] if name == _LIST else spec
    return fields


def _field_of(document: Mapping[str, Any]) -> str:
    for key, field in (
        ("computeEnvironmentName", "computeEnvironment"),
        ("jobQueueName", "jobQueue"),
        ("jobDefinitionName", _LIST),
        ("fairsharePolicy", "schedulingPolicy"),
    ):
        if key in document:
            return field
    if document.get("kind") == "Namespace":
        return "namespace"
    rule = (
        "It is none of: a compute environment (computeEnvironmentName), job queue (jobQueueName), job definition "
        "(jobDefinitionName) or scheduling policy (fairsharePolicy) of the aws CLI, or a Namespace of kubectl."
    )
    fix = "Leave it out; roles, bindings and aws-auth are setup's own."
    raise SpecError(FIELD, [Fault("document", sorted(document), rule, fix, "setup_batch")])

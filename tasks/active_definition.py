"""ACTIVE job definitions, and the images of the private registry that they name."""

from collections.abc import Iterator, Mapping
from typing import Any

from blocks.eks_cluster import EksCluster
from registry.reference import InvalidReferenceError, Reference

Definition = Mapping[str, Any]


def active_definitions(cluster: EksCluster) -> list[Definition]:
    """Every ACTIVE revision of every job definition, as DescribeJobDefinitions answers it."""
    pages = cluster.batch.get_paginator("describe_job_definitions").paginate(status="ACTIVE")
    return [dict(definition) for page in pages for definition in page["jobDefinitions"]]


def newest_revisions(definitions: list[Definition]) -> list[Definition]:
    """The newest revision of each definition: the one that jobs get which name none."""
    ordered = sorted(definitions, key=lambda definition: definition["revision"])
    return list({definition["jobDefinitionName"]: definition for definition in ordered}.values())


def revision_name(definition: Definition) -> str:
    """A revision as people write it: `name:1`."""
    return f"{definition['jobDefinitionName']}:{definition['revision']}"


def private_images(definition: Definition, registry: str) -> list[Reference]:
    """The images of a private registry that a revision names, each once, whichever kind of job it defines.

    Args:
        definition: The revision.
        registry: Host of the registry.
    """
    found = [_parsed(text) for text in dict.fromkeys(_images(definition))]
    return [image for image in found if image and image.host == registry]


def _images(document: Any) -> Iterator[str]:
    """Every `image` in a job definition: of EKS pods, of ECS containers, of the nodes of multi-node jobs."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            if key == "image" and isinstance(value, str):
                yield value
            else:
                yield from _images(value)
    elif isinstance(document, list):
        for value in document:
            yield from _images(value)


def _parsed(text: str) -> Reference | None:
    try:
        return Reference.parse(text)
    except InvalidReferenceError:
        return None  # somebody else's definition, whose jobs fail without our help

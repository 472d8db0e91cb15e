"""The images that a job definition names, and the same definition with others in their place."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from specs.job_definition import JobDefinitionSpec


def images_of(definition: JobDefinitionSpec) -> list[str]:
    """Every image of its containers and init containers, each once, in order."""
    return list(dict.fromkeys(container["image"] for container in _containers(definition.to_document())))


def with_images(definition: JobDefinitionSpec, images: Mapping[str, str]) -> JobDefinitionSpec:
    """The definition with some images replaced.

    Args:
        definition: The definition.
        images: New reference by old; others stay.
    """
    document = _replaced(definition.to_document(), lambda image: images.get(image, image))
    return JobDefinitionSpec.from_document(document)


def _containers(document: Any) -> Iterator[Mapping[str, Any]]:
    pod = document.get("eksProperties", {}).get("podProperties", {})
    yield from pod.get("initContainers", ())
    yield from pod.get("containers", ())


def _replaced(document: Mapping[str, Any], replace: Callable[[str], str]) -> dict[str, Any]:
    pod = document["eksProperties"]["podProperties"]
    groups = {
        group: [{**container, "image": replace(container["image"])} for container in pod[group]]
        for group in ("initContainers", "containers")
        if group in pod
    }
    return {**document, "eksProperties": {**document["eksProperties"], "podProperties": {**pod, **groups}}}

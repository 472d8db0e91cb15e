"""The rules of containers on EKS that no shape says."""

import re
from collections.abc import Mapping
from typing import Any

from specs.environment_rules import check_environment
from specs.fault import Findings
from specs.name import is_label
from specs.quantity import check_resources
from specs.source import KUBERNETES_API, guide, member
from specs.volume_rules import check_mounts
from specs.wire import mapping

PUBLIC_HOSTS = frozenset(
    {
        "docker.io",
        "gcr.io",
        "ghcr.io",
        "mcr.microsoft.com",
        "nvcr.io",
        "public.ecr.aws",
        "quay.io",
        "registry-1.docker.io",
        "registry.gitlab.com",
        "registry.k8s.io",
    }
)
"""Registries that a private cluster has no route to."""


def check_container(container: Mapping[str, Any], path: str, volumes: set[str], found: Findings, *, init: bool) -> None:
    """Check a container of a job definition's pod.

    Args:
        container: The wire document of it; its types may be wrong.
        path: Where it stands.
        volumes: The names of the pod's volumes.
        found: Takes what is found.
        init: Whether it is an init container.
    """
    check_container_name(container.get("name"), f"{path}.name", found)
    check_image(container.get("image"), f"{path}.image", found)
    check_environment(container.get("env"), f"{path}.env", found)
    check_resources(container.get("resources"), f"{path}.resources", found, needed=not init)
    check_mounts(container.get("volumeMounts"), f"{path}.volumeMounts", volumes, found)
    _check_security(mapping(container.get("securityContext")), f"{path}.securityContext", found)


def check_container_name(name: Any, path: str, found: Findings) -> None:
    """Check a container's name.

    Args:
        name: The name, of any type.
        path: Where it stands.
        found: Takes what is found.
    """
    if isinstance(name, str) and name != "Default" and not is_label(name):
        rule = "A container's name has 1 to 63 lower-case letters, digits and hyphens."
        found.fault(path, name, rule, "Choose another name.", f"{KUBERNETES_API} Container.name")


def check_image(image: Any, path: str, found: Findings) -> None:
    """Check an image reference.

    Args:
        image: The reference, of any type.
        path: Where it stands.
        found: Takes what is found.
    """
    if not isinstance(image, str):
        return
    if not re.fullmatch(r"[^\s<>]+", image):
        rule = "An image reference is not empty and has no white space and no placeholders."
        fix = "Write for example 123456789012.dkr.ecr.us-east-1.amazonaws.com/amazonlinux/amazonlinux:2."
        found.fault(path, image, rule, fix, member("EksContainer", "image"))
        return
    first, slash, _ = image.partition("/")
    host = first if slash and (re.search(r"[.:]", first) or first == "localhost") else "docker.io"
    if host in PUBLIC_HOSTS:
        sentence = (
            f"The nodes of a private cluster cannot pull from {host}; the job would stay in STARTING. "
            "Copy the image to the private registry."
        )
        found.warn(path, sentence, guide("getting-started-eks-privateclusters"))


def _check_security(context: Mapping[str, Any], path: str, found: Findings) -> None:
    source = f"{KUBERNETES_API} SecurityContext"
    if context.get("runAsNonRoot") is True and context.get("runAsUser") == 0:
        rule = "With runAsNonRoot the user must not be 0: the container would never start."
        found.fault(f"{path}.runAsUser", 0, rule, "Choose another user, or leave runAsNonRoot out.", source)
    if context.get("privileged") is True and context.get("allowPrivilegeEscalation") is False:
        rule = "A privileged container always allows privilege escalation."
        found.fault(f"{path}.allowPrivilegeEscalation", False, rule, "Leave one of them out.", source)

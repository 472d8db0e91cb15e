"""The rules of the nodes' machine images that no shape says."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from specs.fault import Findings
from specs.source import guide, member
from specs.wire import elements, mapping, text

_IMAGE_TYPES = ("EKS_AL2023", "EKS_AL2023_NVIDIA", "EKS_AL2", "EKS_AL2_NVIDIA")
# Batch supports more in time, so that another version is no fault (User Guide, batch_eks_invalid_compute_environment).
SUPPORTED_MINOR_VERSIONS = range(30, 37)
_PATH = "computeResources.ec2Configuration"


def check_machine_images(resources: Mapping[str, Any], found: Findings) -> None:
    """Check image types, versions, and that custom images of Amazon Linux 2023 can join.

    Args:
        resources: The wire document of computeResources; its types may be wrong.
        found: Takes what is found.
    """
    custom = "imageId" in resources and not resources.get("ec2Configuration")
    if "imageId" in resources:
        sentence = "imageId is deprecated; use ec2Configuration with imageIdOverride."
        found.warn("computeResources.imageId", sentence, member("ComputeResource", "imageId"))
    if resources.get("ec2Configuration") == []:
        rule = "One or two values can be provided."
        source = member("ComputeResource", "ec2Configuration")
        found.fault(_PATH, [], rule, "Leave it out for Batch's default.", source)
    for path, one in elements(resources.get("ec2Configuration"), _PATH):
        configuration = mapping(one)
        _check_type(configuration.get("imageType"), f"{path}.imageType", found)
        _check_version(configuration, path, found)
        al2023 = text(configuration.get("imageType")).startswith("EKS_AL2023")
        custom |= al2023 and bool(configuration.get("imageIdOverride") or "imageId" in resources)
    joins = mapping(resources.get("launchTemplate")).get("userdataType") == "EKS_NODEADM"
    if custom and not joins:
        found.fault(
            "computeResources.launchTemplate.userdataType",
            mapping(resources.get("launchTemplate")).get("userdataType"),
            "A custom image based on Amazon Linux 2023 joins the cluster only with EKS_NODEADM.",
            "Give a launch template with userdataType EKS_NODEADM.",
            guide("eks-migration-2023"),
        )


def _check_type(kind: Any, path: str, found: Findings) -> None:
    source = member("Ec2Configuration", "imageType")
    if not isinstance(kind, str):
        return
    if not kind.startswith("EKS_"):
        near = get_close_matches(kind.replace("ECS_", "EKS_"), _IMAGE_TYPES, n=1)
        rule = "The nodes of an EKS compute environment need an image type that begins with EKS_."
        found.fault(path, kind, rule, f"Did you mean {near[0] if near else _IMAGE_TYPES[0]}?", source)
    elif kind in ("EKS_AL2", "EKS_AL2_NVIDIA"):
        sentence = "AWS ended its support of Amazon Linux 2 for EKS on 2025-11-26; use EKS_AL2023."
        found.warn(path, sentence, guide("eks-al2-ami-deprecation"))
    elif kind not in _IMAGE_TYPES:
        near = get_close_matches(kind, _IMAGE_TYPES, n=1)
        advice = f"; did you mean {near[0]}?" if near else "."
        found.warn(path, f"{kind!r} is passed through unchecked: it is not a documented image type{advice}", source)


def _check_version(configuration: Mapping[str, Any], path: str, found: Findings) -> None:
    version = configuration.get("imageKubernetesVersion")
    source = member("Ec2Configuration", "imageKubernetesVersion")
    if isinstance(version, str) and not re.fullmatch(r"1\.[0-9]{1,2}", version):
        rule = "A Kubernetes version has the form 1.33."
        found.fault(f"{path}.imageKubernetesVersion", version, rule, "Write the cluster's version.", source)
    elif isinstance(version, str) and int(version[2:]) not in SUPPORTED_MINOR_VERSIONS:
        sentence = (
            f"AWS documents 1.{SUPPORTED_MINOR_VERSIONS[0]} to 1.{SUPPORTED_MINOR_VERSIONS[-1]} as what Batch supports."
        )
        found.warn(f"{path}.imageKubernetesVersion", sentence, guide("batch_eks_invalid_compute_environment"))
    elif version is None and "imageIdOverride" not in configuration:
        sentence = "Without a version Batch takes the latest that it supports; pin it to the cluster's."
        found.warn(f"{path}.imageKubernetesVersion", sentence, source)

"""The rules of job submissions on EKS that no shape says."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from specs.container_rules import check_container_name, check_image
from specs.environment_rules import check_environment
from specs.fault import Findings
from specs.limit import Matches
from specs.pod_rules import check_metadata
from specs.quantity import check_resources
from specs.retry import check_retry
from specs.source import guide, member
from specs.tags import check_tags
from specs.wire import elements, mapping

LARGEST = 30 * 1024
"""Bytes of a submission."""

LONGEST_NAME = 128
"""Characters of a job's name."""

ADDED = 1536
"""Bytes that submitting adds at most: a name of 128 characters, three tags, ids of 20 jobs in place of their names."""

_REQUEST = "SubmitJobRequest"
_ARN = r"arn:aws[a-z-]*:batch:[a-z0-9-]+:[0-9]{12}"
_NAME = r"[A-Za-z0-9_-]{1,128}"

JOB_NAME = Matches(
    r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}",
    "1 to 128 letters, digits, hyphens and underscores, a letter or a digit first",
    member(_REQUEST, "jobName"),
)
JOB_QUEUE = Matches(
    rf"{_NAME}|{_ARN}:job-queue/{_NAME}", "the name or ARN of a job queue", member(_REQUEST, "jobQueue")
)
JOB_DEFINITION = Matches(
    rf"({_ARN}:job-definition/)?{_NAME}(:[1-9][0-9]*)?",
    "a job definition's name, name:revision or ARN",
    member(_REQUEST, "jobDefinition"),
)


def check_job_request(document: Mapping[str, Any], found: Findings) -> None:
    """Check the document of SubmitJob.

    Args:
        document: The wire document; its types may be wrong.
        found: Takes what is found.
    """
    check_tags(document.get("tags"), "tags", found)
    check_retry(document.get("retryStrategy"), "retryStrategy", found)
    _check_dependencies(document, found)
    path = "eksPropertiesOverride.podProperties"
    pod = mapping(mapping(document.get("eksPropertiesOverride")).get("podProperties"))
    for kind in ("containers", "initContainers"):
        _check_overrides(pod.get(kind), f"{path}.{kind}", found)
    check_metadata(pod.get("metadata"), f"{path}.metadata", found)
    if "arrayProperties" in document and "size" not in mapping(document["arrayProperties"]):
        rule = "An array job has a size, 2 to 10000."
        found.fault("arrayProperties.size", None, rule, "Set size.", member(_REQUEST, "arrayProperties"))
    size = len(json.dumps(document, separators=(",", ":"), default=str).encode())
    if size > LARGEST:
        rule = f"A submission has at most {LARGEST} bytes, this one has {size}."
        found.fault(
            "document", None, rule, "Put long values into the job definition or into S3.", guide("service_limits")
        )


def check_override_names(overrides: Any, path: str, names: Sequence[str], found: Findings) -> None:
    """Check that overrides say which container of the definition they are for.

    Args:
        overrides: The list of overrides, of any type.
        path: Where it stands.
        names: The containers of the definition.
        found: Takes what is found.
    """
    source = member("EksContainerOverride", "name")
    for where, override in elements(overrides, path):
        name = mapping(override).get("name")
        if name is None and len(names) != 1:
            rule = f"The pod has {len(names)} containers of this kind, so that the override must name one."
            fix = f"Set name to one of: {', '.join(names)}." if names else "Leave the override out."
            found.fault(f"{where}.name", None, rule, fix, source)
        elif name is not None and name not in names:
            rule = "The name must match a container of the job definition."
            fix = f"Set name to one of: {', '.join(names)}." if names else "Leave the override out."
            found.fault(f"{where}.name", name, rule, fix, source)


def _check_dependencies(document: Mapping[str, Any], found: Findings) -> None:
    source = member(_REQUEST, "dependsOn")
    is_array = "arrayProperties" in document
    seen: set[tuple[Any, Any]] = set()
    for path, one in elements(document.get("dependsOn"), "dependsOn"):
        dependency = mapping(one)
        job, kind = dependency.get("jobId"), dependency.get("type")
        if not job and kind != "SEQUENTIAL":
            rule = "A dependency names the job to wait for; only SEQUENTIAL does without."
            found.fault(f"{path}.jobId", job, rule, "Set jobId.", source)
        if job and kind == "SEQUENTIAL":
            rule = "SEQUENTIAL orders the children of the array job itself and names no job."
            found.fault(f"{path}.jobId", job, rule, "Leave jobId out, or leave type out.", source)
        if kind in ("SEQUENTIAL", "N_TO_N") and not is_array:
            rule = f"{kind} dependencies are for array jobs."
            found.fault(f"{path}.type", kind, rule, "Set arrayProperties, or leave type out.", source)
        if isinstance(job, str | None) and isinstance(kind, str | None) and (job, kind) in seen:
            found.fault(path, dict(dependency), "The dependency is there already.", "Leave it out.", source)
        elif isinstance(job, str | None) and isinstance(kind, str | None):
            seen.add((job, kind))


def _check_overrides(overrides: Any, path: str, found: Findings) -> None:
    source = member("EksContainerOverride", "name")
    names: set[str] = set()
    several = isinstance(overrides, list) and len(overrides) > 1
    for where, one in elements(overrides, path):
        override = mapping(one)
        name = override.get("name")
        check_container_name(name, f"{where}.name", found)
        check_image(override.get("image"), f"{where}.image", found)
        check_environment(override.get("env"), f"{where}.env", found)
        check_resources(override.get("resources"), f"{where}.resources", found, needed=False)
        if name is None and several:
            rule = "With more than one override each must name its container."
            found.fault(f"{where}.name", None, rule, "Set name.", source)
        elif isinstance(name, str) and name in names:
            rule = "Each container can be overridden once; this one is in the list already."
            found.fault(f"{where}.name", name, rule, "Put both overrides into one.", source)
        names.add(str(name))

"""The rules of launch templates in compute environments that no shape says."""

import re
from collections.abc import Mapping
from typing import Any

from specs.fault import Findings
from specs.source import member
from specs.wire import elements, mapping, text, texts

_PATH = "computeResources.launchTemplate"
_BUNDLES = ("optimal", "default_x86_64", "default_arm64")


def check_launch_template(resources: Mapping[str, Any], found: Findings) -> None:
    """Check the launch template and its overrides.

    Args:
        resources: The wire document of computeResources; its types may be wrong.
        found: Takes what is found.
    """
    template = resources.get("launchTemplate")
    if not isinstance(template, Mapping):
        return
    _check_identity(template, _PATH, found)
    known = [text(one) for one in resources.get("instanceTypes") or ()]
    targeted: list[str] = []
    for path, override in elements(template.get("overrides"), f"{_PATH}.overrides"):
        _check_identity(mapping(override), path, found)
        _check_targets(mapping(override), path, known, targeted, found)


def _check_identity(template: Mapping[str, Any], path: str, found: Findings) -> None:
    source = member("LaunchTemplateSpecification", "launchTemplateId")
    given = [name for name in ("launchTemplateId", "launchTemplateName") if template.get(name)]
    if len(given) != 1:
        rule = "Exactly one of launchTemplateId and launchTemplateName must be given."
        fix = "Leave one of them out." if given else "Give one of them."
        found.fault(path, dict(template), rule, fix, source)
    identifier, version = template.get("launchTemplateId"), template.get("version")
    if isinstance(identifier, str) and identifier and not re.fullmatch(r"lt-[0-9a-z]+", identifier):
        rule = "A launch template ID begins with lt-."
        found.fault(f"{path}.launchTemplateId", identifier, rule, "Did you mean launchTemplateName?", source)
    if isinstance(version, str) and version and not re.fullmatch(r"[0-9]+|\$Default|\$Latest", version):
        rule = "A version is a number, $Default or $Latest."
        source = member("LaunchTemplateSpecification", "version")
        found.fault(f"{path}.version", version, rule, "Write one of them.", source)


def _check_targets(
    override: Mapping[str, Any], path: str, known: list[str], targeted: list[str], found: Findings
) -> None:
    source = member("LaunchTemplateSpecificationOverride", "targetInstanceTypes")
    path = f"{path}.targetInstanceTypes"
    targets = override.get("targetInstanceTypes")
    if not targets:
        rule = "An override names the instance types that it is for."
        found.fault(path, targets, rule, "List instance types or families.", source)
    for where, target in texts(targets, path):
        other = next((one for one in targeted if _covers(one, target) or _covers(target, one)), None)
        if target in _BUNDLES:
            rule = "An override is for instance types or families, not for a choice of Batch's."
            found.fault(where, target, rule, "List instance types or families.", source)
        elif known and not any(_covers(one, target) for one in known):
            rule = "An override can only be for instance types that instanceTypes includes."
            found.fault(where, target, rule, f"Choose among {', '.join(known)}.", source)
        if other is not None:
            rule = f"Overrides can't overlap; this one overlaps with {other}."
            found.fault(where, target, rule, "Target each instance type once.", source)
        targeted.append(target)


def _covers(wide: str, narrow: str) -> bool:
    return wide == narrow or wide in _BUNDLES or narrow.startswith(f"{wide}.")

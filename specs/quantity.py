"""What a container may ask for: cpu, memory and GPUs."""

import re
from decimal import Decimal
from typing import Any

from specs.fault import Findings
from specs.source import guide, member
from specs.wire import mapping

_SOURCE = guide("memory-cpu-batch-eks")
_KEYS = ("cpu", "memory", "nvidia.com/gpu")
_QUARTER = Decimal("0.25")
_LEAST_MEMORY = 4


def check_resources(resources: Any, path: str, found: Findings, *, needed: bool) -> None:
    """Check the resources of a container.

    Args:
        resources: The wire document of them, of any type.
        path: Where they stand.
        found: Takes what is found.
        needed: Whether cpu and memory must be given.
    """
    document = mapping(resources)
    valid: dict[tuple[str, str], Decimal] = {}
    for side in ("limits", "requests"):
        for key, value in mapping(document.get(side)).items():
            where = f'{path}.{side}["{key}"]'
            amount = _amount(key, value, where, found)
            if amount is not None:
                valid[side, key] = amount
    for key in ("cpu", "memory") if needed else ():
        if not any(key in mapping(document.get(side)) for side in ("limits", "requests")):
            rule = f"Each container says how much {key} it needs, in limits, in requests or in both."
            example = '"cpu": "1"' if key == "cpu" else '"memory": "1024Mi"'
            found.fault(f'{path}.limits["{key}"]', None, rule, f"Add {example}.", _SOURCE)
    for key in _KEYS:
        limit, request = valid.get(("limits", key)), valid.get(("requests", key))
        if limit is None or request is None:
            continue
        where, shown = f'{path}.requests["{key}"]', mapping(document.get("requests"))[key]
        if key == "cpu" and request > limit:
            rule = f"The cpu limit must be at least as large as the request; it is {limit}."
            found.fault(where, shown, rule, "Lower the request or raise the limit.", _SOURCE)
        if key != "cpu" and request != limit:
            rule = f"For {key} the request must be equal to the limit."
            fix = "Write the same value, or leave the requests out: the limits are copied."
            found.fault(where, shown, rule, fix, _SOURCE)


def _amount(key: str, value: Any, where: str, found: Findings) -> Decimal | None:
    if key not in _KEYS:
        rule = "Batch on EKS knows cpu, memory and nvidia.com/gpu; nothing else can be asked for."
        found.fault(where, value, rule, "Leave it out.", _SOURCE)
        return None
    if not isinstance(value, str):
        return None
    return {"cpu": _cpu, "memory": _memory}.get(key, _gpu)(value, where, found)


def _cpu(value: str, where: str, found: Findings) -> Decimal | None:
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?m", value):
        quarters = max(1, round(Decimal(value[:-1]) / 250))
        rule = "cpu is given in quarters of a vCPU; the milli form is not supported."
        found.fault(where, value, rule, f'Write "{_plain(quarters * _QUARTER)}".', _SOURCE)
        return None
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", value) or Decimal(value) < _QUARTER or Decimal(value) % _QUARTER:
        rule = "cpu must be a multiple of 0.25, and at least 0.25."
        found.fault(where, value, rule, 'Write for example "0.25", "0.5" or "1".', _SOURCE)
        return None
    return Decimal(value)


def _memory(value: str, where: str, found: Findings) -> Decimal | None:
    match = re.fullmatch(r"([0-9]+)Mi", value)
    if match is None:
        rule = "memory must be a whole number of mebibytes with the suffix Mi."
        found.fault(where, value, rule, f'Write for example "{_mebibytes(value)}Mi".', _SOURCE)
        return None
    if int(match[1]) < _LEAST_MEMORY:
        rule = f"A job needs at least {_LEAST_MEMORY} MiB of memory."
        found.fault(where, value, rule, f'Write at least "{_LEAST_MEMORY}Mi".', _SOURCE)
        return None
    return Decimal(match[1])


def _gpu(value: str, where: str, found: Findings) -> Decimal | None:
    if not re.fullmatch(r"[0-9]+", value):
        rule = "nvidia.com/gpu must be a whole number."
        source = member("EksContainerResourceRequirements", "limits")
        found.fault(where, value, rule, 'Write for example "1".', source)
        return None
    return Decimal(value)


def _mebibytes(value: str) -> int:
    match = re.fullmatch(r"([0-9]+)(Gi|G|Ki|M)?", value)
    factor = {"Gi": 1024.0, "G": 953.67, "Ki": 1 / 1024, "M": 0.954, None: 1 / 1048576}
    return max(_LEAST_MEMORY, round(int(match[1]) * factor[match[2]])) if match else 1024


def _plain(amount: Decimal) -> str:
    return format(amount.normalize(), "f")

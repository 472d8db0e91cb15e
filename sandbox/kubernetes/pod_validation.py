"""What makes a pod invalid (`k8s.io/kubernetes/pkg/apis/core/validation`), for the fields that jobs use."""

import copy
import re
from typing import Any

from sandbox.kubernetes.quantity import quantity_value
from sandbox.kubernetes.status_error import (
    Invalid,
    duplicate,
    forbidden_field,
    invalid,
    not_supported,
    quoted,
    required,
)

Document = dict[str, Any]

_LABEL = re.compile("[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    f"an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL.pattern}')"
)
_ENV_NAME = re.compile("[-._a-zA-Z][-._a-zA-Z0-9]*")
_ENV_TEXT = (
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not "
    "start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is "
    f"'{_ENV_NAME.pattern}')"
)
_FIELD_PATH = re.compile(
    r"metadata\.(name|namespace|uid|labels\['.+'\]|annotations\['.+'\])|spec\.(nodeName|serviceAccountName|restartPolicy)"
    r"|status\.(phase|hostIP|hostIPs|podIP|podIPs)"
)
_UPDATE_TEXT = (
    "pod updates may not change fields other than `spec.containers[*].image`, `spec.initContainers[*].image`, "
    "`spec.activeDeadlineSeconds` or `spec.tolerations` (only additions to existing tolerations)"
)
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")


def pod_faults(document: Document) -> list[Invalid]:
    """The faults of a new pod."""
    spec = document.get("spec") or {}
    volumes, faults = _volume_faults(spec.get("volumes") or [])
    containers = spec.get("containers") or []
    names: set[str] = set()
    if not containers:
        faults.append(required("spec.containers"))
    faults += _containers_faults(containers, "spec.containers", volumes, names)
    faults += _containers_faults(spec.get("initContainers") or [], "spec.initContainers", volumes, names)
    if spec.get("restartPolicy") not in _RESTART_POLICIES:
        faults.append(_unsupported("spec.restartPolicy", spec.get("restartPolicy", ""), _RESTART_POLICIES))
    if spec.get("dnsPolicy") not in _DNS_POLICIES:
        faults.append(_unsupported("spec.dnsPolicy", spec.get("dnsPolicy", ""), _DNS_POLICIES))
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= 2**31 - 1:
        faults.append(invalid("spec.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive"))
    faults += _whitespace_faults(containers)
    return faults


def pod_update_faults(before: Document, after: Document) -> list[Invalid]:
    """The faults of a changed pod: little of a pod's spec may change."""
    faults: list[Invalid] = []
    for field in ("containers", "initContainers"):
        if len(before["spec"].get(field) or []) != len(after["spec"].get(field) or []):
            return [forbidden_field(f"spec.{field}", "pod updates may not add or remove containers")]
        for index, container in enumerate(after["spec"].get(field) or []):
            if not container.get("image"):
                faults.append(required(f"spec.{field}[{index}].image"))
    old, new = before["spec"].get("tolerations") or [], after["spec"].get("tolerations") or []
    if any(toleration not in new for toleration in old):
        faults.append(
            forbidden_field("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")
        )
    if _unchangeable(before["spec"]) != _unchangeable(after["spec"]):
        faults.append(forbidden_field("spec", _UPDATE_TEXT))
    return faults


def _unchangeable(spec: Document) -> Document:
    kept = copy.deepcopy(spec)
    kept.pop("activeDeadlineSeconds", None)
    kept.pop("tolerations", None)
    for container in (*(kept.get("containers") or []), *(kept.get("initContainers") or [])):
        container.pop("image", None)
    return kept


def _containers_faults(containers: list[Document], path: str, volumes: set[str], names: set[str]) -> list[Invalid]:
    faults: list[Invalid] = []
    for index, container in enumerate(containers):
        here = f"{path}[{index}]"
        name = container.get("name", "")
        if not name:
            faults.append(required(f"{here}.name"))
        elif not _LABEL.fullmatch(name) or len(name) > 63:
            faults.append(invalid(f"{here}.name", name, _LABEL_TEXT))
        elif name in names:
            faults.append(duplicate(f"{here}.name", name))
        names.add(name)
        if not container.get("image"):
            faults.append(required(f"{here}.image"))
        faults += _port_faults(container, here)
        faults += _env_faults(container, here)
        faults += _mount_faults(container, here, volumes)
        if container.get("imagePullPolicy") not in _PULL_POLICIES:
            policy = container.get("imagePullPolicy", "")
            faults.append(_unsupported(f"{here}.imagePullPolicy", policy, _PULL_POLICIES))
        faults += _resource_faults(container.get("resources") or {}, f"{here}.resources")
    return faults


def _port_faults(container: Document, here: str) -> list[Invalid]:
    faults: list[Invalid] = []
    for index, port in enumerate(container.get("ports") or []):
        number = port.get("containerPort", 0)
        if number == 0:
            faults.append(required(f"{here}.ports[{index}].containerPort"))
        elif not 1 <= number <= 65535:
            text = "must be between 1 and 65535, inclusive"
            faults.append(invalid(f"{here}.ports[{index}].containerPort", number, text))
    return faults


def _env_faults(container: Document, here: str) -> list[Invalid]:
    faults: list[Invalid] = []
    for index, variable in enumerate(container.get("env") or []):
        name = variable.get("name", "")
        if not name:
            faults.append(required(f"{here}.env[{index}].name"))
        elif not _ENV_NAME.fullmatch(name):
            faults.append(invalid(f"{here}.env[{index}].name", name, _ENV_TEXT))
        reference = (variable.get("valueFrom") or {}).get("fieldRef")
        if reference is not None and not _FIELD_PATH.fullmatch(reference.get("fieldPath", "")):
            path = reference.get("fieldPath", "")
            text = f"error converting fieldPath: field label not supported: {path}"
            faults.append(invalid(f"{here}.env[{index}].valueFrom.fieldRef.fieldPath", path, text))
        if variable.get("value") and variable.get("valueFrom"):
            text = "may not be specified when `value` is not empty"
            faults.append(invalid(f"{here}.env[{index}].valueFrom", "", text))
    return faults


def _mount_faults(container: Document, here: str, volumes: set[str]) -> list[Invalid]:
    faults: list[Invalid] = []
    paths: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or []):
        place = f"{here}.volumeMounts[{index}]"
        if mount.get("name") not in volumes:
            faults.append(Invalid(f"{place}.name", "FieldValueNotFound", "", quoted(mount.get("name", ""))))
        path = mount.get("mountPath", "")
        if not path:
            faults.append(required(f"{place}.mountPath"))
        elif path in paths:
            faults.append(invalid(f"{place}.mountPath", path, "must be unique"))
        paths.add(path)
    return faults


def _resource_faults(resources: Document, here: str) -> list[Invalid]:
    faults: list[Invalid] = []
    limits = resources.get("limits") or {}
    for name, asked in (resources.get("requests") or {}).items():
        if quantity_value(asked) < 0:
            faults.append(invalid(f"{here}.requests[{name}]", asked, "must be greater than or equal to 0"))
        if name in limits and quantity_value(asked) > quantity_value(limits[name]):
            faults.append(invalid(f"{here}.requests", asked, f"must be less than or equal to {name} limit"))
    return faults


def _volume_faults(volumes: list[Document]) -> tuple[set[str], list[Invalid]]:
    faults: list[Invalid] = []
    names: set[str] = set()
    for index, volume in enumerate(volumes):
        here, name = f"spec.volumes[{index}]", volume.get("name", "")
        kinds = [kind for kind in volume if kind != "name"]
        if len(kinds) > 1:
            faults.append(forbidden_field(f"{here}.{kinds[-1]}", "may not specify more than 1 volume type"))
        if not name:
            faults.append(required(f"{here}.name"))
        elif not _LABEL.fullmatch(name):
            faults.append(invalid(f"{here}.name", name, _LABEL_TEXT))
        elif name in names:
            faults.append(duplicate(f"{here}.name", name))
        names.add(name)
    return names, faults


def _whitespace_faults(containers: list[Document]) -> list[Invalid]:
    text = "must not have leading or trailing whitespace"
    return [
        invalid(f"spec.containers[{index}].image", container["image"], text)
        for index, container in enumerate(containers)
        if container.get("image", "") != container.get("image", "").strip()
    ]


def _unsupported(field: str, value: str, supported: tuple[str, ...]) -> Invalid:
    return required(field) if not value else not_supported(field, value, supported)

"""The rules of volumes and of where containers mount them."""

import re
from typing import Any

from specs.fault import Findings
from specs.name import is_label, is_subdomain
from specs.source import KUBERNETES_API, member
from specs.wire import elements, mapping, text

_KINDS = ("hostPath", "emptyDir", "secret", "persistentVolumeClaim")
_SIZE = r"[0-9]+(\.[0-9]+)?([KMGTPE]i|[kMGTPE])?"


def check_volumes(volumes: Any, path: str, found: Findings) -> set[str]:
    """Check the volumes of a pod.

    Args:
        volumes: The list of them, of any type.
        path: Where it stands.
        found: Takes what is found.

    Returns:
        The volumes' names.
    """
    names: set[str] = set()
    for where, one in elements(volumes, path):
        volume = mapping(one)
        name = volume.get("name")
        if isinstance(name, str):
            _check_name(name, names, f"{where}.name", found)
            names.add(name)
        kinds = [kind for kind in _KINDS if kind in volume]
        if volume and len(kinds) != 1:
            rule = f"A volume is of exactly one kind: {', '.join(_KINDS)}."
            found.fault(where, dict(volume), rule, "Give one of them.", member("EksVolume", "name"))
        _check_kind(volume, where, found)
    return names


def check_mounts(mounts: Any, path: str, volumes: set[str], found: Findings) -> None:
    """Check where a container mounts the pod's volumes.

    Args:
        mounts: The list of mounts, of any type.
        path: Where it stands.
        volumes: The names of the pod's volumes.
        found: Takes what is found.
    """
    places: set[str] = set()
    for where, one in elements(mounts, path):
        mount = mapping(one)
        name, place = mount.get("name"), mount.get("mountPath")
        if name is None or (isinstance(name, str) and name not in volumes):
            rule = "A volume mount must name one of the pod's volumes."
            fix = f"Declared are: {', '.join(sorted(volumes))}." if volumes else "Declare the volume in volumes."
            found.fault(f"{where}.name", name, rule, fix, member("EksContainerVolumeMount", "name"))
        source = f"{KUBERNETES_API} VolumeMount.mountPath"
        if place is None or place == "" or ":" in text(place):
            rule = "A volume mount needs a path in the container, without a colon."
            found.fault(f"{where}.mountPath", place, rule, "Set mountPath.", source)
        elif isinstance(place, str) and place in places:
            found.fault(f"{where}.mountPath", place, "Each mount needs a path of its own.", "Choose another.", source)
        places.add(text(place))


def _check_name(name: str, names: set[str], path: str, found: Findings) -> None:
    source = f"{KUBERNETES_API} Volume.name"
    if not is_label(name):
        rule = "A volume's name has 1 to 63 lower-case letters, digits and hyphens."
        found.fault(path, name, rule, "Choose another name.", source)
    elif name in names:
        rule = "Each volume of a pod must have a name of its own."
        found.fault(path, name, rule, "Choose another name.", source)


def _check_kind(volume: Any, path: str, found: Findings) -> None:
    host_path = volume.get("hostPath")
    if host_path == {}:
        rule = "A hostPath volume names the path on the node."
        found.fault(f"{path}.hostPath.path", None, rule, "Set path.", member("EksHostPath", "path"))
    size = mapping(volume.get("emptyDir")).get("sizeLimit")
    if isinstance(size, str) and not re.fullmatch(_SIZE, size):
        rule = "It must be a Kubernetes quantity."
        source = member("EksEmptyDir", "sizeLimit")
        found.fault(f"{path}.emptyDir.sizeLimit", size, rule, 'Write for example "1024Mi".', source)
    for kind, name in (("secret", "secretName"), ("persistentVolumeClaim", "claimName")):
        value = mapping(volume.get(kind)).get(name)
        if isinstance(value, str) and not is_subdomain(value):
            rule = "Names of Kubernetes objects have lower-case letters, digits, hyphens and dots."
            found.fault(
                f"{path}.{kind}.{name}", value, rule, "Write the object's name.", f"botocore batch EksVolume.{kind}"
            )

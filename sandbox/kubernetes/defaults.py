"""What an API server fills in: defaults of each kind, and what its admission plugins add to pods.

Compared with kube-apiserver 1.20 with bound service account tokens, which Kubernetes 1.33 always has.
"""

import random
from typing import Any

from sandbox.kubernetes.resources import Resource

Document = dict[str, Any]

_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_RBAC = "rbac.authorization.k8s.io"
_FILE_MODE = 0o644
_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 (a path)


def random_suffix() -> str:
    """Five letters as `generateName` appends them (`k8s.io/apimachinery/pkg/util/rand`)."""
    return "".join(random.choices(_SUFFIX_LETTERS, k=5))


def set_defaults(resource: Resource, document: Document) -> None:
    """Fill in what the kind's defaulting functions do, in place."""
    if resource.plural == "pods":
        _pod(document)
    elif resource.plural == "namespaces":
        document.setdefault("spec", {})
        document.setdefault("status", {}).setdefault("phase", "Active")
    elif resource.plural == "nodes":
        _node(document)
    elif resource.plural == "events":
        _event(document)
    elif resource.group == _RBAC:
        _rbac(document)
    elif resource.group == "apps":
        _workload(document)


def admit_pod(document: Document) -> None:
    """Do what the ServiceAccount, Priority and DefaultTolerationSeconds admission plugins do to a new pod."""
    spec = document["spec"]
    account = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
    spec["serviceAccountName"] = spec["serviceAccount"] = account
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    tolerations = spec.setdefault("tolerations", [])
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(_tolerates(toleration, key) for toleration in tolerations):
            tolerations.append({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})
    if spec.get("automountServiceAccountToken") is not False:
        _mount_token(spec)


def _tolerates(toleration: Document, key: str) -> bool:
    return toleration.get("key") in (key, None, "") and toleration.get("effect") in ("NoExecute", None, "")


def _mount_token(spec: Document) -> None:
    name = f"kube-api-access-{random_suffix()}"
    mounted = False
    for container in (*(spec.get("initContainers") or []), *(spec.get("containers") or [])):
        mounts = container.setdefault("volumeMounts", [])
        if not any(mount.get("mountPath") == _TOKEN_PATH for mount in mounts):
            mounts.append({"name": name, "readOnly": True, "mountPath": _TOKEN_PATH})
            mounted = True
    if not mounted:
        return
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]
    volume = {"name": name, "projected": {"sources": sources, "defaultMode": _FILE_MODE}}
    spec["volumes"] = [*(spec.get("volumes") or []), volume]


def _pod(document: Document) -> None:
    spec = document.setdefault("spec", {})
    _pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for condition in document.get("status", {}).get("conditions") or []:
        condition.setdefault("lastProbeTime", None)
        condition.setdefault("lastTransitionTime", None)


def _pod_spec(spec: Document) -> None:
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")
    for container in (*(spec.get("initContainers") or []), *(spec.get("containers") or [])):
        _container(container, host_network=bool(spec.get("hostNetwork")))
    for volume in spec.get("volumes") or []:
        _volume(volume)


def _container(container: Document, *, host_network: bool) -> None:
    image = container.get("image", "")
    tag = image.rsplit("/", 1)[-1]
    latest = "@" not in tag and (":" not in tag or tag.endswith(":latest"))
    container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    resources = container.setdefault("resources", {})
    if resources.get("limits"):
        resources["requests"] = {**resources["limits"], **(resources.get("requests") or {})}
    for port in container.get("ports") or []:
        port.setdefault("protocol", "TCP")
        if host_network and "containerPort" in port:
            port.setdefault("hostPort", port["containerPort"])
    for variable in container.get("env") or []:
        reference = (variable.get("valueFrom") or {}).get("fieldRef")
        if reference is not None:
            reference.setdefault("apiVersion", "v1")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in container:
            _probe(container[name])


def _probe(probe: Document) -> None:
    for name, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)):
        probe.setdefault(name, value)
    if "httpGet" in probe:
        probe["httpGet"].setdefault("path", "/")
        probe["httpGet"].setdefault("scheme", "HTTP")


def _volume(volume: Document) -> None:
    for name in ("secret", "configMap", "projected", "downwardAPI"):
        if volume.get(name) is not None:
            volume[name].setdefault("defaultMode", _FILE_MODE)
    if volume.get("hostPath") is not None:
        volume["hostPath"].setdefault("type", "")
    if set(volume) == {"name"}:
        volume["emptyDir"] = {}


def qos_class(spec: Document) -> str:
    """Guaranteed, Burstable or BestEffort (`k8s.io/kubernetes/pkg/apis/core/helper/qos`)."""
    containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    resources = [container.get("resources") or {} for container in containers]
    if not any(part.get("requests") or part.get("limits") for part in resources):
        return "BestEffort"
    for part in resources:
        limits = part.get("limits") or {}
        if not {"cpu", "memory"} <= limits.keys() or (part.get("requests") or limits) != limits:
            return "Burstable"
    return "Guaranteed"


def _node(document: Document) -> None:
    document.setdefault("spec", {})
    status = document.setdefault("status", {})
    if "capacity" in status:
        status.setdefault("allocatable", dict(status["capacity"]))
    for condition in status.get("conditions") or []:
        condition.setdefault("lastHeartbeatTime", None)
        condition.setdefault("lastTransitionTime", None)
    status.setdefault("daemonEndpoints", {}).setdefault("kubeletEndpoint", {"Port": 0})
    names = ("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion")
    more = ("kubeletVersion", "kubeProxyVersion", "operatingSystem", "architecture")
    info = status.setdefault("nodeInfo", {})
    for name in (*names, *more):
        info.setdefault(name, "")


def _event(document: Document) -> None:
    for name in ("firstTimestamp", "lastTimestamp", "eventTime"):
        document.setdefault(name, None)
    document.setdefault("source", {})
    document.setdefault("reportingComponent", "")
    document.setdefault("reportingInstance", "")


def _rbac(document: Document) -> None:
    if document["kind"].endswith("Binding"):
        document.setdefault("roleRef", {}).setdefault("apiGroup", _RBAC)
        for subject in document.get("subjects") or []:
            if subject.get("kind") in ("User", "Group"):
                subject.setdefault("apiGroup", _RBAC)
            if subject.get("kind") == "ServiceAccount" and subject.get("apiGroup") == "":
                del subject["apiGroup"]
    else:
        document.setdefault("rules", None)


def _workload(document: Document) -> None:
    spec = document.setdefault("spec", {})
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {}).setdefault("creationTimestamp", None)
    _pod_spec(template.setdefault("spec", {}))
    kind = document["kind"]
    if kind != "DaemonSet":
        spec.setdefault("replicas", 1)
    rolling = {"type": "RollingUpdate"}
    if kind == "Deployment":
        surge = {"maxUnavailable": "25%", "maxSurge": "25%"}
        spec.setdefault("strategy", {**rolling, "rollingUpdate": surge})
        spec.setdefault("progressDeadlineSeconds", 600)
    elif kind == "DaemonSet":
        spec.setdefault("updateStrategy", {**rolling, "rollingUpdate": {"maxUnavailable": 1}})
    elif kind == "StatefulSet":
        spec.setdefault("updateStrategy", {**rolling, "rollingUpdate": {"partition": 0}})
        spec.setdefault("podManagementPolicy", "OrderedReady")
    if kind != "ReplicaSet":
        spec.setdefault("revisionHistoryLimit", 10)

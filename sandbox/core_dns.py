"""The cluster's DNS, as an object only: names in a sandboxed job are resolved by this machine."""

from typing import Any

_LABELS = {"eks.amazonaws.com/component": "coredns", "k8s-app": "kube-dns"}


def core_dns() -> dict[str, Any]:
    """The Deployment that EKS puts into every new cluster (EKS user guide, managing-coredns).

    Nothing here runs it, so it never has a replica that is ready.
    """
    container = {"name": "coredns", "image": "602401143452.dkr.ecr.us-east-1.amazonaws.com/eks/coredns:v1.12.1"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "coredns", "namespace": "kube-system", "labels": _LABELS},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": _LABELS},
            "template": {"metadata": {"labels": _LABELS}, "spec": {"containers": [container]}},
        },
    }

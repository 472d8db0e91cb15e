"""What the API server says of itself: versions, groups, resources."""

from typing import Any

from sandbox.kubernetes.resources import RESOURCES, Resource

Document = dict[str, Any]

VERSION = {
    "major": "1",
    "minor": "33",
    "gitVersion": "v1.33.1-eks-sandbox",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "2025-06-01T00:00:00Z",
    "goVersion": "go1.24.2",
    "compiler": "gc",
    "platform": "linux/amd64",
}


def api_versions(address: str) -> Document:
    """`/api`."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def api_groups() -> Document:
    """`/apis`."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(group) for group in group_names()]}


def api_group(group: str) -> Document:
    """`/apis/GROUP`."""
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(group)}


def group_names() -> list[str]:
    """The named API groups."""
    return list(dict.fromkeys(resource.group for resource in RESOURCES if resource.group))


def api_resources(group: str, version: str) -> Document | None:
    """`/api/v1` and `/apis/GROUP/VERSION`; None when the group is not served."""
    found = [resource for resource in RESOURCES if (resource.group, resource.version) == (group, version)]
    if not found:
        return None
    listed = [entry for resource in found for entry in _entries(resource)]
    document: Document = {"kind": "APIResourceList", "groupVersion": found[0].api_version, "resources": listed}
    if group:
        document["apiVersion"] = "v1"
    return document


def _group(group: str) -> Document:
    version = {"groupVersion": f"{group}/v1", "version": "v1"}
    return {"name": group, "versions": [version], "preferredVersion": version}


def _entries(resource: Resource) -> list[Document]:
    base: Document = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        base["shortNames"] = list(resource.short_names)
    if resource.categories:
        base["categories"] = list(resource.categories)
    parts = [
        {
            "name": f"{resource.plural}/{name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": list(verbs),
        }
        for name, verbs in resource.subresources
    ]
    return [base, *parts]

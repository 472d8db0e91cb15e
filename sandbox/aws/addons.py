"""The add-on operations of EKS: what is installed on a cluster, its status, its configuration.

Sources: botocore's eks model; texts of errors as users report them where an issue is named. The software of an add-on
is not played: no pod of it runs.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import yaml

from sandbox.aws.batch import pages
from sandbox.aws.eks import EksClusters
from sandbox.aws.errors import AwsError
from sandbox.aws.operations import Caller
from sandbox.aws.server import AwsServer
from sandbox.aws.settings import Settings

# The default version of each add-on that is played, as AWS's own pages name them: CloudWatch user guide,
# install-CloudWatch-Observability-EKS-addon; aws/amazon-vpc-cni-k8s#2780.
_VERSIONS = {
    "amazon-cloudwatch-observability": "v6.0.1-eksbuild.1",
    "eks-pod-identity-agent": "v1.2.0-eksbuild.1",
}
_PAGE = 100

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Addon:
    """An add-on of a cluster.

    Attributes:
        name: Its name.
        arn: Its ARN.
        version: Its version.
        configuration: `configurationValues`, as they were given.
        own_roles: `serviceAccountRoleArn` and `podIdentityAssociations`, as they were given.
        tags: Its tags.
        created: Seconds since the epoch.
        modified: Seconds since the epoch.
        changing: CREATING, UPDATING or DELETING, for as long as that takes.
    """

    name: str
    arn: str
    version: str
    configuration: str
    own_roles: Mapping[str, Any]
    tags: Mapping[str, str]
    created: float
    modified: float = field(default_factory=time.time)
    changing: str = "CREATING"


class Addons:
    """The add-ons of all clusters.

    Args:
        clusters: Tells which clusters there are.
        settings: How long a change takes, and whether pods of add-ons find a node.
    """

    def __init__(self, clusters: EksClusters, settings: Settings) -> None:
        self._clusters = clusters
        self._settings = settings
        self._addons: dict[tuple[str, str], Addon] = {}

    def install(self, server: AwsServer) -> None:
        """Answer the operations."""
        for name, handler in (
            ("CreateAddon", self.create),
            ("DescribeAddon", self.describe),
            ("ListAddons", self.list_names),
            ("UpdateAddon", self.update),
            ("DeleteAddon", self.delete),
        ):
            server.implement("eks", name, handler)
        server.before_reset(self._addons.clear)

    def create(self, parameters: Parameters, caller: Caller) -> Mapping[str, Any]:
        """CreateAddon."""
        cluster, name = self._clusters.found(parameters["name"], caller).name, parameters["addonName"]
        if self._current(cluster, name) is not None:
            # crossplane-contrib/provider-aws#1310
            raise AwsError("ResourceInUseException", "Addon already exists.", 409)
        arn = f"arn:aws:eks:{caller.region}:{caller.account}:addon/{cluster}/{name}/{uuid4()}"
        addon = Addon(
            name=name,
            arn=arn,
            version=_version(name, parameters.get("addonVersion")),
            configuration=_configuration(parameters.get("configurationValues", "")),
            own_roles={
                key: parameters[key]
                for key in ("serviceAccountRoleArn", "podIdentityAssociations")
                if key in parameters
            },
            tags=dict(parameters.get("tags") or {}),
            created=time.time(),
        )
        self._addons[cluster, name] = addon
        return {"addon": self._document(cluster, addon)}

    def describe(self, parameters: Parameters, caller: Caller) -> Mapping[str, Any]:
        """DescribeAddon."""
        cluster, addon = self._found(parameters, caller)
        return {"addon": self._document(cluster, addon)}

    def list_names(self, parameters: Parameters, caller: Caller) -> Mapping[str, Any]:
        """ListAddons."""
        cluster = self._clusters.found(parameters["name"], caller).name
        names = sorted(name for where, name in list(self._addons) if where == cluster and self._current(cluster, name))
        start, size = int(pages.position(parameters) or 0), int(parameters.get("maxResults", _PAGE))
        rest = {"nextToken": pages.token(start + size)} if len(names) > start + size else {}
        return {"addons": names[start : start + size], **rest}

    def update(self, parameters: Parameters, caller: Caller) -> Mapping[str, Any]:
        """UpdateAddon; what is not given stays."""
        cluster, addon = self._found(parameters, caller)
        if self._status(addon) in ("CREATING", "UPDATING", "DELETING"):
            # [B:eks:UpdateAddon] has the error; the words are ours.
            raise AwsError("ResourceInUseException", f"Addon {addon.name} is being changed", 409)
        changed = replace(
            addon,
            version=_version(addon.name, parameters.get("addonVersion") or addon.version),
            configuration=_configuration(parameters.get("configurationValues", addon.configuration)),
            modified=time.time(),
            changing="UPDATING",
        )
        self._addons[cluster, addon.name] = changed
        update = {"id": str(uuid4()), "status": "InProgress", "type": "AddonUpdate", "createdAt": time.time()}
        return {"update": {**update, "params": [], "errors": []}}

    def delete(self, parameters: Parameters, caller: Caller) -> Mapping[str, Any]:
        """DeleteAddon."""
        cluster, addon = self._found(parameters, caller)
        self._addons[cluster, addon.name] = replace(addon, modified=time.time(), changing="DELETING")
        return {"addon": self._document(cluster, self._addons[cluster, addon.name])}

    def tag(self, arn: str, tags: Mapping[str, str]) -> bool:
        """Add tags to an add-on; whether there is one of this ARN."""
        for key, addon in self._addons.items():
            if addon.arn == arn:
                self._addons[key] = replace(addon, tags={**addon.tags, **tags})
                return True
        return False

    def _found(self, parameters: Parameters, caller: Caller) -> tuple[str, Addon]:
        cluster, name = self._clusters.found(parameters["name"], caller).name, parameters["addonName"]
        addon = self._current(cluster, name)
        if addon is None:
            # EKS user guide, managing-add-ons ("After the add-on is removed, the example output is").
            text = f"No addon: {name} found in cluster: {cluster}"
            raise AwsError("ResourceNotFoundException", text, 404)
        return cluster, addon

    def _current(self, cluster: str, name: str) -> Addon | None:
        """The add-on, unless its deletion is done."""
        addon = self._addons.get((cluster, name))
        if addon is not None and addon.changing == "DELETING" and not self._takes_time(addon):
            del self._addons[cluster, name]
            return None
        return addon

    def _status(self, addon: Addon) -> str:
        if self._takes_time(addon):
            return addon.changing
        return "DEGRADED" if self._settings.addons_without_nodes else "ACTIVE"

    def _takes_time(self, addon: Addon) -> bool:
        return time.time() < addon.modified + self._settings.addon_delay

    def _document(self, cluster: str, addon: Addon) -> dict[str, Any]:
        """[B:eks:Addon]; the words of the issue are those of aws-ia/terraform-aws-eks-blueprints-addons#335."""
        status = self._status(addon)
        issue = {
            "code": "InsufficientNumberOfReplicas",
            "message": "The add-on is unhealthy because it doesn't have the desired number of replicas.",
        }
        given = {"configurationValues": addon.configuration} if addon.configuration else {}
        return {
            "addonName": addon.name,
            "clusterName": cluster,
            "status": status,
            "addonVersion": addon.version,
            "health": {"issues": [issue] if status == "DEGRADED" else []},
            "addonArn": addon.arn,
            "createdAt": addon.created,
            "modifiedAt": addon.modified,
            "tags": dict(addon.tags),
            **given,
            **addon.own_roles,
        }


def _version(name: str, wanted: str | None) -> str:
    if name not in _VERSIONS:
        # aws/containers-roadmap#1429
        raise AwsError("InvalidParameterException", "Addon specified is not supported")
    if wanted and not wanted.startswith("v"):
        # hashicorp/terraform-provider-aws#32238
        raise AwsError("InvalidParameterException", "Addon version specified is not supported")
    return wanted or _VERSIONS[name]


def _configuration(values: str) -> str:
    """The values, JSON or YAML, if they are an object; each add-on's own schema is not played."""
    try:
        document = yaml.safe_load(values) if values else {}
    except yaml.YAMLError:
        document = None
    if not isinstance(document, dict):
        # cookpad/terraform-aws-eks#331
        raise AwsError(
            "InvalidParameterException",
            "ConfigurationValue provided in request is not supported: Json schema validation failed with error: "
            "[$: object expected]",
        )
    return values

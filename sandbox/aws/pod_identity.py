"""The EKS Pod Identity associations of clusters.

Sources: botocore's eks model; EKS user guide, pod-identities and pod-id-association; texts of errors as users report
them where an issue is named. What an association does is not played: no pod gets credentials by it.
"""

import json
import secrets
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from moto.eks.exceptions import EKSError
from moto.eks.models import eks_backends
from moto.iam.models import iam_backends

from sandbox.aws.addons import Addons
from sandbox.aws.batch import pages
from sandbox.aws.eks import EksClusters
from sandbox.aws.errors import AwsError
from sandbox.aws.operations import Caller
from sandbox.aws.server import AwsServer

_PRINCIPAL = "pods.eks.amazonaws.com"
_ACTIONS = ("sts:AssumeRole", "sts:TagSession")
_PAGE = 100

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Association:
    """A role for the pods of a service account.

    Attributes:
        cluster: Name of the cluster.
        namespace: The service account's namespace.
        account: Its name; neither of the two has to exist (EKS user guide, pod-id-association).
        role_arn: The role.
        arn: ARN of the association.
        identifier: Its id, 19 characters (aws-samples/eks-workshop-v2#882).
        tags: Its tags.
        created: Seconds since the epoch.
        modified: Seconds since the epoch.
    """

    cluster: str
    namespace: str
    account: str
    role_arn: str
    arn: str
    identifier: str
    tags: Mapping[str, str]
    created: float = field(default_factory=time.time)
    modified: float = field(default_factory=time.time)


class PodIdentity:
    """The operations on associations, and the tags of what EKS has beside clusters.

    Args:
        clusters: Tells which clusters there are.
        addons: Have tags too.
    """

    def __init__(self, clusters: EksClusters, addons: Addons) -> None:
        self._clusters = clusters
        self._addons = addons
        self._associations: dict[str, Association] = {}

    def install(self, server: AwsServer) -> None:
        """Answer the operations."""
        for name, handler in (
            ("CreatePodIdentityAssociation", self.create),
            ("DescribePodIdentityAssociation", self.describe),
            ("ListPodIdentityAssociations", self.list_associations),
            ("UpdatePodIdentityAssociation", self.update),
            ("DeletePodIdentityAssociation", self.delete),
            ("TagResource", self.tag),
        ):
            server.implement("eks", name, handler)
        server.before_reset(self._associations.clear)

    def create(self, parameters: Parameters, caller: Caller) -> Mapping[str, Any]:
        """CreatePodIdentityAssociation; a service account has one at most."""
        cluster = self._clusters.found(parameters["name"], caller).name
        _check_role(parameters["roleArn"], caller)
        key = (cluster, parameters["namespace"], parameters["serviceAccount"])
        for other in self._associations.values():
            if (other.cluster, other.namespace, other.account) == key:
                # awslabs/crossplane-on-eks#168
                raise AwsError("ResourceInUseException", f"Association already exists: {other.identifier}", 409)
        identifier = "a-" + "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(17))
        association = Association(
            *key,
            role_arn=parameters["roleArn"],
            # crossplane-contrib/provider-upjet-aws#1437
            arn=f"arn:aws:eks:{caller.region}:{caller.account}:podidentityassociation/{cluster}/{identifier}",
            identifier=identifier,
            tags=dict(parameters.get("tags") or {}),
        )
        self._associations[identifier] = association
        return {"association": _document(association)}

    def describe(self, parameters: Parameters, caller: Caller) -> Mapping[str, Any]:
        """DescribePodIdentityAssociation."""
        return {"association": _document(self._found(parameters, caller))}

    def list_associations(self, parameters: Parameters, caller: Caller) -> Mapping[str, Any]:
        """ListPodIdentityAssociations, of a namespace or a service account where asked for; a summary of each."""
        cluster = self._clusters.found(parameters["name"], caller).name
        found = [
            {key: value for key, value in _document(each).items() if key in _SUMMARY}
            for each in self._associations.values()
            if each.cluster == cluster
            and parameters.get("namespace") in (None, each.namespace)
            and parameters.get("serviceAccount") in (None, each.account)
        ]
        start, size = int(pages.position(parameters) or 0), int(parameters.get("maxResults", _PAGE))
        rest = {"nextToken": pages.token(start + size)} if len(found) > start + size else {}
        return {"associations": found[start : start + size], **rest}

    def update(self, parameters: Parameters, caller: Caller) -> Mapping[str, Any]:
        """UpdatePodIdentityAssociation: its role."""
        found = self._found(parameters, caller)
        role = parameters.get("roleArn", found.role_arn)
        _check_role(role, caller)
        changed = replace(found, role_arn=role, modified=time.time())
        self._associations[found.identifier] = changed
        return {"association": _document(changed)}

    def delete(self, parameters: Parameters, caller: Caller) -> Mapping[str, Any]:
        """DeletePodIdentityAssociation."""
        found = self._found(parameters, caller)
        del self._associations[found.identifier]
        return {"association": _document(found)}

    def tag(self, parameters: Parameters, caller: Caller) -> Mapping[str, Any]:
        """TagResource: of associations and add-ons here, of everything else in moto."""
        arn, tags = parameters["resourceArn"], parameters["tags"]
        for found in self._associations.values():
            if found.arn == arn:
                self._associations[found.identifier] = replace(found, tags={**found.tags, **tags})
                return {}
        if self._addons.tag(arn, tags):
            return {}
        try:
            eks_backends[caller.account][caller.region].tag_resource(arn, tags)
        except EKSError:
            raise AwsError("NotFoundException", "Resource was not found", 404) from None
        return {}

    def _found(self, parameters: Parameters, caller: Caller) -> Association:
        cluster, identifier = self._clusters.found(parameters["name"], caller).name, parameters["associationId"]
        if len(identifier) != 19:
            # aws-samples/eks-workshop-v2#882
            text = "The parameter associationId should be 19 characters long."
            raise AwsError("InvalidParameterException", text)
        found = self._associations.get(identifier)
        if found is None or found.cluster != cluster:
            raise AwsError("ResourceNotFoundException", f"Association not found: {identifier}", 404)  # our wording
        return found


_SUMMARY = ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId")


def _document(association: Association) -> dict[str, Any]:
    """[B:eks:PodIdentityAssociation]."""
    return {
        "clusterName": association.cluster,
        "namespace": association.namespace,
        "serviceAccount": association.account,
        "roleArn": association.role_arn,
        "associationArn": association.arn,
        "associationId": association.identifier,
        "tags": dict(association.tags),
        "createdAt": association.created,
        "modifiedAt": association.modified,
        "disableSessionTags": False,
    }


def _check_role(arn: str, caller: Caller) -> None:
    """EKS looks at the role and its trust policy; conditions in it count when a pod asks for credentials only."""
    role = next((each for each in iam_backends[caller.account]["global"].roles.values() if each.arn == arn), None)
    if role is None:
        # hashicorp/terraform-provider-aws, internal/service/eks/pod_identity_association.go
        raise AwsError("InvalidParameterException", "Role provided in the request does not exist.")
    statements = json.loads(role.assume_role_policy_document or "{}").get("Statement", [])
    allowed = {
        action
        for statement in (statements if isinstance(statements, list) else [statements])
        if statement.get("Effect") == "Allow"
        and _PRINCIPAL in _texts((statement.get("Principal") or {}).get("Service"))
        for action in _texts(statement.get("Action"))
    }
    if not allowed.issuperset(_ACTIONS):
        # hashicorp/terraform-provider-aws#41483, aws/aws-cdk#31522
        text = "Trust policy of the role provided is invalid. Follow the official documentation to resolve the issue."
        raise AwsError("InvalidParameterException", text)


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())

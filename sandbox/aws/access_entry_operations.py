"""The access entry operations of EKS.

Sources: botocore's eks model, the EKS user guide's creating-access-entries and access-policies. Texts of errors are as
users report them where an issue is named; the others are our wording.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from moto.iam.models import iam_backends

from sandbox.aws.access_entries import AccessEntries, AccessEntry, new_entry
from sandbox.aws.access_policies import POLICIES, describe_policies
from sandbox.aws.batch import pages
from sandbox.aws.eks import EksClusters
from sandbox.aws.errors import AwsError
from sandbox.aws.operations import Caller
from sandbox.aws.server import AwsServer

# Those of [B:eks:CreateAccessEntryRequest.type] that nodes have.
_NODE_TYPES = ("EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "EC2", "HYBRID_LINUX", "HYPERPOD_LINUX")
_RESERVED = ("system:", "eks:", "aws:", "amazon:", "iam:")
_PAGE = 100

Parameters = dict[str, Any]


class AccessEntryOperations:
    """Access entries as customers see and change them.

    Args:
        clusters: Tells the clusters' authentication modes.
        entries: The entries.
    """

    def __init__(self, clusters: EksClusters, entries: AccessEntries) -> None:
        self._clusters = clusters
        self._entries = entries

    def install(self, server: AwsServer) -> None:
        """Answer the operations."""
        for name, handler in (
            ("CreateAccessEntry", self.create),
            ("DescribeAccessEntry", self.describe),
            ("ListAccessEntries", self.list_entries),
            ("UpdateAccessEntry", self.update),
            ("DeleteAccessEntry", self.delete),
            ("AssociateAccessPolicy", self.associate),
            ("DisassociateAccessPolicy", self.disassociate),
            ("ListAssociatedAccessPolicies", self.list_policies),
        ):
            server.implement("eks", name, handler)
        server.implement("eks", "ListAccessPolicies", lambda *_: {"accessPolicies": describe_policies()})

    def create(self, parameters: Parameters, caller: Caller) -> Mapping[str, Any]:
        """CreateAccessEntry."""
        cluster, arn = self._cluster(parameters, caller), parameters["principalArn"]
        kind = parameters.get("type", "STANDARD")
        username, groups = parameters.get("username", ""), tuple(parameters.get("kubernetesGroups") or ())
        _refuse_service_linked(arn)
        _check_kind(kind, username, groups)
        principal_id = _principal_id(arn, kind, caller.account)
        if self._entries.get(cluster, arn) is not None:
            # terraform-aws-modules/terraform-aws-eks#3293
            raise AwsError(
                "ResourceInUseException", "The specified access entry resource is already in use on this cluster.", 409
            )
        cluster_arn = f"arn:aws:eks:{caller.region}:{caller.account}:cluster/{cluster}"
        entry = new_entry(cluster_arn, arn, principal_id, kind, username, groups, parameters.get("tags"))
        self._entries.put(cluster, entry)
        return {"accessEntry": _document(cluster, entry)}

    def describe(self, parameters: Parameters, caller: Caller) -> Mapping[str, Any]:
        """DescribeAccessEntry."""
        cluster = self._cluster(parameters, caller)
        return {"accessEntry": _document(cluster, self._found(cluster, parameters["principalArn"]))}

    def list_entries(self, parameters: Parameters, caller: Caller) -> Mapping[str, Any]:
        """ListAccessEntries, of all principals or of those with an access policy."""
        cluster, policy = self._cluster(parameters, caller), parameters.get("associatedPolicyArn")
        entries = self._entries.all(cluster).items()
        return _page("accessEntries", sorted(a for a, e in entries if not policy or policy in e.policies), parameters)

    def update(self, parameters: Parameters, caller: Caller) -> Mapping[str, Any]:
        """UpdateAccessEntry: user name and groups of a STANDARD entry."""
        cluster, arn = self._cluster(parameters, caller), parameters["principalArn"]
        _refuse_service_linked(arn)
        entry = self._found(cluster, arn)
        _expect_standard(entry)
        username = parameters.get("username", entry.username)
        groups = tuple(parameters.get("kubernetesGroups", entry.groups))
        _check_kind(entry.kind, username, groups)
        entry = replace(entry, username=username, groups=groups, modified=time.time())
        self._entries.put(cluster, entry)
        return {"accessEntry": _document(cluster, entry)}

    def delete(self, parameters: Parameters, caller: Caller) -> Mapping[str, Any]:
        """DeleteAccessEntry."""
        cluster, arn = self._cluster(parameters, caller), parameters["principalArn"]
        _refuse_service_linked(arn)
        self._found(cluster, arn)
        self._entries.remove(cluster, arn)
        return {}

    def associate(self, parameters: Parameters, caller: Caller) -> Mapping[str, Any]:
        """AssociateAccessPolicy; of service-linked roles too, as Batch's user guide has people do it."""
        cluster, arn = self._cluster(parameters, caller), parameters["principalArn"]
        policy, scope = parameters["policyArn"], parameters["accessScope"]
        kind, namespaces = scope.get("type"), tuple(scope.get("namespaces") or ())
        _expect_standard(self._found(cluster, arn))
        if policy not in POLICIES:
            raise _invalid(f"The policyArn {policy} is not one that the sandbox plays")
        if kind not in ("cluster", "namespace") or (kind == "namespace") != bool(namespaces):
            raise _invalid("The accessScope must be of type cluster, or of type namespace with namespaces")
        self._entries.associate(cluster, arn, policy, kind, namespaces)
        associated = next(each for each in self._policies(cluster, arn) if each["policyArn"] == policy)
        return {"clusterName": cluster, "principalArn": arn, "associatedAccessPolicy": associated}

    def disassociate(self, parameters: Parameters, caller: Caller) -> Mapping[str, Any]:
        """DisassociateAccessPolicy."""
        cluster, arn = self._cluster(parameters, caller), parameters["principalArn"]
        if parameters["policyArn"] not in self._found(cluster, arn).policies:
            raise AwsError("ResourceNotFoundException", "The specified policyArn is not associated", 404)
        self._entries.disassociate(cluster, arn, parameters["policyArn"])
        return {}

    def list_policies(self, parameters: Parameters, caller: Caller) -> Mapping[str, Any]:
        """ListAssociatedAccessPolicies."""
        cluster, arn = self._cluster(parameters, caller), parameters["principalArn"]
        self._found(cluster, arn)
        page = _page("associatedAccessPolicies", self._policies(cluster, arn), parameters)
        return {"clusterName": cluster, "principalArn": arn, **page}

    def _policies(self, cluster: str, arn: str) -> list[dict[str, Any]]:
        return [
            {
                "policyArn": policy,
                "accessScope": {"type": association.scope, "namespaces": list(association.namespaces)},
                "associatedAt": association.associated,
                "modifiedAt": association.modified,
            }
            for policy, association in self._found(cluster, arn).policies.items()
        ]

    def _cluster(self, parameters: Parameters, caller: Caller) -> str:
        """The cluster's name, if there is one that has access entries."""
        cluster: str = self._clusters.found(parameters["name"], caller).name
        if self._clusters.authentication_mode(cluster) == "CONFIG_MAP":
            # terraform-aws-modules/terraform-aws-eks#3048
            raise AwsError(
                "InvalidRequestException",
                "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this "
                "operation.",
            )
        return cluster

    def _found(self, cluster: str, arn: str) -> AccessEntry:
        entry = self._entries.get(cluster, arn)
        if entry is None:
            # terraform-aws-modules/terraform-aws-eks#3024
            raise AwsError(
                "ResourceNotFoundException",
                "The specified principalArn could not be found. You can view your available access entries with "
                "'list-access-entries'.",
                404,
            )
        return entry


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)


def _refuse_service_linked(arn: str) -> None:
    if ":role/aws-service-role/" in arn:
        # hashicorp/terraform-provider-aws#36447; only the service itself may.
        raise _invalid(
            "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role"
        )


def _check_kind(kind: str, username: str, groups: tuple[str, ...]) -> None:
    if kind not in ("STANDARD", *_NODE_TYPES):
        # aws/aws-cdk#31146
        raise _invalid(f"AccessEntry type must be one of [{', '.join(sorted(('STANDARD', *_NODE_TYPES)))}]")
    if kind != "STANDARD" and (username or groups):
        raise _invalid(f"username and kubernetesGroups can't be specified for an access entry of type {kind}")
    for what, name in (("username", username), *(("kubernetesGroups", group) for group in groups)):
        if name.startswith(_RESERVED):
            raise _invalid(f"The {what} can't start with {', '.join(_RESERVED)}: {name}")


def _expect_standard(entry: AccessEntry) -> None:
    if entry.kind != "STANDARD":
        # aws-controllers-k8s/community#2144
        raise _invalid('This operation can only be performed on Access Entries with a type of "STANDARD".')


def _principal_id(arn: str, kind: str, account: str) -> str:
    """The unique id of an existing principal; one of another account cannot be looked up."""
    if kind != "STANDARD" and f":iam::{account}:role/" not in arn:
        raise _invalid(f"The principalArn of an access entry of type {kind} must be a role of the cluster's account")
    backend = iam_backends[account]["global"]
    principals = {each.arn: each.id for each in (*backend.roles.values(), *backend.users.values())}
    if arn not in principals and f":iam::{account}:" in arn:
        raise _invalid("The specified principalArn is invalid: invalid principal.")
    return str(principals.get(arn, ""))


def _document(cluster: str, entry: AccessEntry) -> dict[str, Any]:
    """[B:eks:AccessEntry]."""
    return {
        "clusterName": cluster,
        "principalArn": entry.principal_arn,
        "kubernetesGroups": list(entry.groups),
        "accessEntryArn": entry.arn,
        "createdAt": entry.created,
        "modifiedAt": entry.modified,
        "tags": dict(entry.tags),
        "username": entry.username,
        "type": entry.kind,
    }


def _page(name: str, items: list[Any], parameters: Parameters) -> dict[str, Any]:
    start, size = int(pages.position(parameters) or 0), int(parameters.get("maxResults", _PAGE))
    rest = {"nextToken": pages.token(start + size)} if len(items) > start + size else {}
    return {name: items[start : start + size], **rest}

"""Which resources a call is about, as the Service Authorization Reference names them.

Source: Service Authorization Reference, the pages list_batch, list_amazonelastickubernetesservice,
list_amazonelasticcontainerregistry, list_iam, list_amazonec2, list_amazoneventbridge, list_amazonsqs,
list_awscloudformation and list_amazoncloudwatchlogs. Resource types that it calls optional are asked for where the
call names one. An operation that is not here is asked about on `*`: it has no resource types, or nobody has needed it
here yet.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from moto.iam.models import iam_backends

Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Place:
    """Account and region that a call is made in."""

    account: str
    region: str

    def arn(self, service: str, resource: str) -> str:
        """An ARN; those of IAM have no region."""
        return f"arn:aws:{service}:{'' if service == 'iam' else self.region}:{self.account}:{resource}"


Resources = Callable[[Parameters, Place], Iterable[str]]


def resources_of(service: str, operation: str, parameters: Parameters, place: Place) -> list[str]:
    """ARNs of all resources of a call, or `*`."""
    found = RESOURCES.get(service, {}).get(operation)
    if found is None:
        return ["*"]
    arns = list(found(parameters, place))
    if not arns:
        raise ValueError(f"the sandbox finds no resource in a call of {service} {operation}")
    return arns


def values(parameters: Parameters, name: str) -> list[str]:
    """A parameter's value or values; in the query protocols lists are `Name.1`, `Name.2`."""
    if name in parameters:
        value = parameters[name]
        return [str(each) for each in value] if isinstance(value, list) else [str(value)]
    return [str(value) for key, value in parameters.items() if re.fullmatch(rf"{re.escape(name)}\.\d+", key)]


def _named(service: str, kind: str, *names: str) -> Resources:
    """Resources whose names, or ARNs, are values of some parameters."""

    def resources(parameters: Parameters, place: Place) -> Iterable[str]:
        for name in names:
            for value in values(parameters, name):
                yield value if value.startswith("arn:") else place.arn(service, f"{kind}{value}")

    return resources


def _all(*parts: Resources) -> Resources:
    return lambda parameters, place: [arn for part in parts for arn in part(parameters, place)]


def _fixed(service: str, resource: str) -> Resources:
    return lambda _, place: [place.arn(service, resource)]


def _environments_in_order(parameters: Parameters, place: Place) -> Iterable[str]:
    named = _named("batch", "compute-environment/", "computeEnvironment")
    for each in parameters.get("computeEnvironmentOrder") or ():
        yield from named(each, place)


def _access_entry(parameters: Parameters, place: Place) -> Iterable[str]:
    """`access-entry/CLUSTER/TYPE/ACCOUNT/NAME/UUID`; what comes last EKS draws itself."""
    _, _, _, _, account, principal = parameters["principalArn"].split(":", 5)
    kind, *path = principal.split("/")
    yield place.arn("eks", f"access-entry/{parameters['name']}/{kind}/{account}/{path[-1]}/*")


def _addon(parameters: Parameters, place: Place) -> Iterable[str]:
    """`addon/CLUSTER/NAME/UUID`; what comes last EKS draws itself."""
    yield place.arn("eks", f"addon/{parameters['name']}/{parameters['addonName']}/*")


def _pod_identity_association(parameters: Parameters, place: Place) -> Iterable[str]:
    """`podidentityassociation/CLUSTER/ID`; one that is only being made has no id yet."""
    yield place.arn("eks", f"podidentityassociation/{parameters['name']}/{parameters.get('associationId', '*')}")


def _role(parameters: Parameters, place: Place) -> Iterable[str]:
    """A role's ARN has its path, which calls do not give."""
    for name in values(parameters, "RoleName"):
        role = next((each for each in iam_backends[place.account]["aws"].roles.values() if each.name == name), None)
        yield role.arn if role is not None else place.arn("iam", f"role/{name}")


def _service_linked_role(parameters: Parameters, place: Place) -> Iterable[str]:
    """The role that IAM is going to name; of other services than Batch nobody has needed the name here."""
    service = parameters["AWSServiceName"]
    name = "AWSServiceRoleForBatch" if service == "batch.amazonaws.com" else "*"
    yield place.arn("iam", f"role/aws-service-role/{service}/{name}")


def _queue(parameters: Parameters, place: Place) -> Iterable[str]:
    yield place.arn("sqs", parameters.get("QueueName") or parameters["QueueUrl"].rpartition("/")[2])


def _log_stream(parameters: Parameters, place: Place) -> Iterable[str]:
    """A stream; all of a group's, as denials have it, end in a colon ("...:log-group:NAME:log-stream:")."""
    stream = parameters.get("logStreamName", "")
    yield place.arn("logs", f"log-group:{parameters['logGroupName']}:log-stream:{stream}")


def _repositories(parameters: Parameters, place: Place) -> Iterable[str]:
    named = list(_named("ecr", "repository/", "repositoryName", "repositoryNames", "resourceArn")(parameters, place))
    return named or [place.arn("ecr", "repository/*")]


_BATCH_QUEUE = _all(
    _named("batch", "job-queue/", "jobQueueName", "jobQueue"),
    _environments_in_order,
    _named("batch", "scheduling-policy/", "schedulingPolicyArn"),
)
_ENVIRONMENT = _named("batch", "compute-environment/", "computeEnvironmentName", "computeEnvironment")
_SCHEDULING_POLICY = _named("batch", "scheduling-policy/", "name", "arn")
_DEFINITION = _named("batch", "job-definition/", "jobDefinitionName", "jobDefinition")
_JOB = _named("batch", "job/", "jobId")
_TAGGED = _named("batch", "", "resourceArn")
_CLUSTER = _named("eks", "cluster/", "name")
_PROFILE = _named("iam", "instance-profile/", "InstanceProfileName")
_RULE = _named("events", "rule/", "Name", "Rule")
_VPC_ENDPOINT_PARTS = (
    _named("ec2", "vpc/", "VpcId"),
    _named("ec2", "subnet/", "SubnetId", "AddSubnetId"),
    _named("ec2", "security-group/", "SecurityGroupId", "AddSecurityGroupId"),
    _named("ec2", "route-table/", "RouteTableId", "AddRouteTableId"),
)

RESOURCES: Mapping[str, Mapping[str, Resources]] = {
    "batch": {
        "CreateComputeEnvironment": _ENVIRONMENT,
        "UpdateComputeEnvironment": _ENVIRONMENT,
        "DeleteComputeEnvironment": _ENVIRONMENT,
        "CreateJobQueue": _BATCH_QUEUE,
        "UpdateJobQueue": _BATCH_QUEUE,
        "DeleteJobQueue": _BATCH_QUEUE,
        "GetJobQueueSnapshot": _BATCH_QUEUE,
        "CreateSchedulingPolicy": _SCHEDULING_POLICY,
        "UpdateSchedulingPolicy": _SCHEDULING_POLICY,
        "DeleteSchedulingPolicy": _SCHEDULING_POLICY,
        "RegisterJobDefinition": _DEFINITION,
        "DeregisterJobDefinition": _DEFINITION,
        "SubmitJob": _all(_fixed("batch", "job/*"), _DEFINITION, _named("batch", "job-queue/", "jobQueue")),
        "CancelJob": _JOB,
        "TerminateJob": _JOB,
        "CancelJobs": _named("batch", "job/", "jobs"),
        "TerminateJobs": _named("batch", "job/", "jobs"),
        "ListTagsForResource": _TAGGED,
        "TagResource": _TAGGED,
        "UntagResource": _TAGGED,
    },
    "eks": {
        "CreateAccessEntry": _CLUSTER,
        "CreateAddon": _CLUSTER,
        "CreatePodIdentityAssociation": _CLUSTER,
        "DescribeCluster": _CLUSTER,
        "ListAccessEntries": _CLUSTER,
        "ListNodegroups": _CLUSTER,
        "ListPodIdentityAssociations": _CLUSTER,
        "DescribeNodegroup": lambda p, place: [place.arn("eks", f"nodegroup/{p['name']}/{p['nodegroupName']}/*")],
        "DescribeAccessEntry": _access_entry,
        "UpdateAccessEntry": _access_entry,
        "DeleteAccessEntry": _access_entry,
        "AssociateAccessPolicy": _access_entry,
        "DisassociateAccessPolicy": _access_entry,
        "ListAssociatedAccessPolicies": _access_entry,
        "DescribeAddon": _addon,
        "UpdateAddon": _addon,
        "DeleteAddon": _addon,
        "DescribePodIdentityAssociation": _pod_identity_association,
        "UpdatePodIdentityAssociation": _pod_identity_association,
        "DeletePodIdentityAssociation": _pod_identity_association,
        "TagResource": _named("eks", "", "resourceArn"),
    },
    "ecr": dict.fromkeys(
        (
            "BatchCheckLayerAvailability",
            "BatchDeleteImage",
            "BatchGetImage",
            "CompleteLayerUpload",
            "CreateRepository",
            "DeleteRepository",
            "DescribeImages",
            "DescribeRepositories",
            "GetDownloadUrlForLayer",
            "GetLifecyclePolicy",
            "InitiateLayerUpload",
            "ListImages",
            "ListTagsForResource",
            "PutImage",
            "PutImageScanningConfiguration",
            "PutImageTagMutability",
            "PutLifecyclePolicy",
            "DeleteLifecyclePolicy",
            "StartLifecyclePolicyPreview",
            "GetLifecyclePolicyPreview",
            "TagResource",
            "UntagResource",
            "UploadLayerPart",
        ),
        _repositories,
    ),
    "iam": {
        "GetRole": _role,
        "GetOpenIDConnectProvider": _named("iam", "", "OpenIDConnectProviderArn"),
        "ListAttachedRolePolicies": _role,
        "CreateInstanceProfile": _PROFILE,
        "GetInstanceProfile": _PROFILE,
        "AddRoleToInstanceProfile": _PROFILE,
        "CreateServiceLinkedRole": _service_linked_role,
        "SimulatePrincipalPolicy": _named("iam", "", "PolicySourceArn"),
    },
    "sts": {"AssumeRole": _named("iam", "", "RoleArn")},
    "ec2": {
        "DescribeVpcAttribute": _named("ec2", "vpc/", "VpcId"),
        "CreateVpcEndpoint": _all(*_VPC_ENDPOINT_PARTS, _fixed("ec2", "vpc-endpoint/*")),
        "ModifyVpcEndpoint": _all(*_VPC_ENDPOINT_PARTS, _named("ec2", "vpc-endpoint/", "VpcEndpointId")),
        "AssociateRouteTable": _all(
            _named("ec2", "route-table/", "RouteTableId"), _named("ec2", "subnet/", "SubnetId")
        ),
    },
    "cloudformation": {"DescribeStacks": lambda p, place: [place.arn("cloudformation", f"stack/{p['StackName']}/*")]},
    "events": dict.fromkeys(("PutRule", "DeleteRule", "PutTargets", "RemoveTargets", "ListTargetsByRule"), _RULE),
    "sqs": dict.fromkeys(
        ("CreateQueue", "DeleteQueue", "ReceiveMessage", "DeleteMessage", "DeleteMessageBatch", "GetQueueAttributes"),
        _queue,
    ),
    "logs": dict.fromkeys(("DescribeLogStreams", "GetLogEvents"), _log_stream),
}

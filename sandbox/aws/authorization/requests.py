"""What a call asks of its caller's policies: the action of its own name, and those that come with it."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from moto.iam.models import iam_backends

from sandbox.aws.authorization.policy import AuthorizationRequest
from sandbox.aws.authorization.resources import Parameters, Place, resources_of, values

# Operations whose action has another name (Service Authorization Reference, the operations tables of each service).
_ACTIONS = {
    ("batch", "CancelJobs"): "CancelJob",
    ("batch", "TerminateJobs"): "TerminateJob",
    ("sqs", "DeleteMessageBatch"): "DeleteMessage",
}
# "No permissions are required to perform this operation" (STS API reference, GetCallerIdentity).
_FREE = {("sts", "GetCallerIdentity")}
_MAKES_ENTRY = "eks:CreateAccessEntry"
# Asked about the cluster, though something else is made, and tagged: what these are asked about.
_MADE = {
    _MAKES_ENTRY: "DescribeAccessEntry",
    "eks:CreateAddon": "DescribeAddon",
    "eks:CreatePodIdentityAssociation": "DescribePodIdentityAssociation",
}
# Creating with tags needs the action that tags, on the same resource (Service Authorization Reference, the operations
# tables: CreateComputeEnvironment is batch:TagResource too, CreateQueue sqs:TagQueue, and so on).
_TAGGING = {
    "batch": ("tags", "TagResource"),
    "ecr": ("tags", "TagResource"),
    "eks": ("tags", "TagResource"),
    "events": ("Tags", "TagResource"),
    "sqs": ("tags", "TagQueue"),
}


def requests_of(service: str, operation: str, parameters: Parameters, place: Place) -> list[AuthorizationRequest]:
    """Everything that a call needs to be allowed, in the order in which it is looked at."""
    if (service, operation) in _FREE:
        return []
    action = f"{service}:{_ACTIONS.get((service, operation), operation)}"
    context = _CONTEXT[action](parameters) if action in _CONTEXT else {}
    resources = resources_of(service, operation, parameters, place)
    asked = [AuthorizationRequest(action, resource, context) for resource in resources]
    made = resources_of("eks", _MADE[action], parameters, place) if action in _MADE else resources
    return [*asked, *_tagging(service, operation, parameters, made), *_dependent(action, parameters, place)]


def _tagging(
    service: str, operation: str, parameters: Parameters, resources: Sequence[str]
) -> Iterator[AuthorizationRequest]:
    member, action = _TAGGING.get(service, ("", ""))
    if not parameters.get(member) or operation in ("TagResource", "TagQueue"):
        return
    # The resource that is made, not those that it refers to.
    yield AuthorizationRequest(f"{service}:{action}", resources[0])


def _dependent(action: str, parameters: Parameters, place: Place) -> Iterator[AuthorizationRequest]:
    more = _DEPENDENT.get(action)
    if more is not None:
        yield from more(parameters, place)


def _pass_role(arn: str, service: str) -> AuthorizationRequest:
    return AuthorizationRequest("iam:PassRole", arn, {"iam:PassedToService": (service,)})


def _passed_by_environment(parameters: Parameters, place: Place) -> Iterator[AuthorizationRequest]:
    """The roles that a compute environment is given (Service Authorization Reference, list_batch, operations)."""
    resources = parameters.get("computeResources") or {}
    if resources.get("instanceRole"):
        name = resources["instanceRole"].rpartition("/")[2]
        for profile in iam_backends[place.account]["aws"].instance_profiles.values():
            if profile.name == name:
                yield from (_pass_role(role.arn, "ec2.amazonaws.com") for role in profile.roles)
    if resources.get("spotIamFleetRole"):
        yield _pass_role(resources["spotIamFleetRole"], "spotfleet.amazonaws.com")
    if parameters.get("serviceRole"):
        yield _pass_role(parameters["serviceRole"], "batch.amazonaws.com")


def _passed_to_profile(parameters: Parameters, place: Place) -> Iterator[AuthorizationRequest]:
    """The caller "must be granted the PassRole permission on the IAM role" ([B:iam:AddRoleToInstanceProfile])."""
    for arn in resources_of("iam", "GetRole", parameters, place):
        yield _pass_role(arn, "ec2.amazonaws.com")


def _passed_by_entry(parameters: Parameters, _: Place) -> Iterator[AuthorizationRequest]:
    """The role of nodes: whoever makes an entry for it needs iam:PassRole (EKS user guide, creating-access-entries).

    Which service the role counts as passed to is said nowhere: assumed is the one that is called.
    """
    if parameters.get("type", "STANDARD") in ("EC2_LINUX", "EC2_WINDOWS"):
        yield _pass_role(parameters["principalArn"], "eks.amazonaws.com")


def _passed_to_pods(parameters: Parameters, _: Place) -> Iterator[AuthorizationRequest]:
    """The role of an association: whoever makes it needs iam:PassRole (EKS user guide, pod-id-association).

    Which service it is passed to: Amazon EMR on EKS development guide, setting-up-enable-IAM.
    """
    if parameters.get("roleArn"):
        yield _pass_role(parameters["roleArn"], "pods.eks.amazonaws.com")


def _with_vpc_endpoint(parameters: Parameters, place: Place) -> Iterator[AuthorizationRequest]:
    """Dependent actions of CreateVpcEndpoint (reference, list_amazonec2): tags, and private DNS."""
    if any(key.startswith("TagSpecification.") for key in parameters):
        created = {"ec2:CreateAction": ("CreateVpcEndpoint",)}
        yield AuthorizationRequest("ec2:CreateTags", place.arn("ec2", "vpc-endpoint/*"), created)
    if parameters.get("PrivateDnsEnabled", "").lower() == "true":
        yield AuthorizationRequest("route53:AssociateVPCWithHostedZone", "arn:aws:route53:::hostedzone/*")


_DEPENDENT: Mapping[str, Callable[[Parameters, Place], Iterable[AuthorizationRequest]]] = {
    "batch:CreateComputeEnvironment": _passed_by_environment,
    "batch:UpdateComputeEnvironment": _passed_by_environment,
    "iam:AddRoleToInstanceProfile": _passed_to_profile,
    _MAKES_ENTRY: _passed_by_entry,
    "eks:CreatePodIdentityAssociation": _passed_to_pods,
    "eks:UpdatePodIdentityAssociation": _passed_to_pods,
    "ec2:CreateVpcEndpoint": _with_vpc_endpoint,
}


def _of_entry(parameters: Parameters) -> dict[str, tuple[str, ...]]:
    return {
        "eks:principalArn": (parameters["principalArn"],),
        "eks:accessEntryType": (parameters.get("type", "STANDARD"),),
        "eks:kubernetesGroups": tuple(parameters.get("kubernetesGroups") or ()),
    }


def _of_association(parameters: Parameters) -> dict[str, tuple[str, ...]]:
    scope = parameters.get("accessScope") or {}
    return {
        "eks:policyArn": (parameters["policyArn"],),
        "eks:accessScope": (scope.get("type", ""),),
        "eks:namespaces": tuple(scope.get("namespaces") or ()),
    }


def _of_rule(parameters: Parameters) -> dict[str, tuple[str, ...]]:
    pattern = json.loads(parameters.get("EventPattern") or "{}")
    return {
        "events:source": tuple(pattern.get("source") or ()),
        "events:detail-type": tuple(pattern.get("detail-type") or ()),
    }


_CONTEXT: Mapping[str, Callable[[Parameters], dict[str, tuple[str, ...]]]] = {
    "eks:CreateAccessEntry": _of_entry,
    "eks:AssociateAccessPolicy": _of_association,
    "eks:DisassociateAccessPolicy": lambda p: {"eks:policyArn": (p["policyArn"],)},
    "events:PutRule": _of_rule,
    "events:PutTargets": lambda p: {"events:TargetArn": tuple(each["Arn"] for each in p["Targets"])},
    "iam:CreateServiceLinkedRole": lambda p: {"iam:AWSServiceName": (p["AWSServiceName"],)},
    "ec2:CreateVpcEndpoint": lambda p: {"ec2:VpceServiceName": tuple(values(p, "ServiceName"))},
}

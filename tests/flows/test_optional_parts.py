"""The parts of setup that the tutorial leaves out: the jobs' own identity, and logs that outlive pods."""

import json
from typing import Any

import pytest
from prefect.artifacts import Artifact

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from flows.drift import check_drift
from flows.setup import setup_batch
from flows.submit import submit_jobs
from flows.teardown import teardown
from sandbox.remote import RemoteSandbox
from specs.addon import CLOUDWATCH, POD_IDENTITY_AGENT
from specs.job_identity import ROLE_ANNOTATION
from specs.job_request import JobRequest
from specs.platform import PlatformSpec
from specs.role_trust import by_pod_identity, by_web_identity
from tasks.container_logs import ensure_container_logs
from tasks.container_logs_removal import ContainerLogsRemoval
from tasks.discovery import discover
from tasks.job_identity import ensure_job_identity
from tasks.optional_parts import check_optional_parts
from tasks.pod_identity_association import ensure_pod_identity_association
from tasks.pod_identity_association_removal import PodIdentityAssociationRemoval
from tasks.removal import remove
from tests.flows.cluster_picture import cluster_picture
from tests.mutating_calls import mutating

CLUSTER, NAMESPACE = "my-test-cluster", "my-aws-batch-namespace"
ROLE = "arn:aws:iam::123456789012:role/team/BatchJobs"
LOGS_POLICY = "arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy"
STEPS = ["service account", "pod identity association", "container logs"]


@pytest.fixture
def cluster(embedded: RemoteSandbox) -> EksCluster:
    """The sandbox's cluster, where it makes no difference who serves Kubernetes."""
    return EksCluster(cluster_name=embedded.env["EKS_CLUSTER"])


def the_platform(sandbox: RemoteSandbox, account: str = "batch-jobs", **parts: Any) -> PlatformSpec:
    """Both parts, and a job definition that names the service account."""
    pod = {
        "serviceAccountName": account,
        "containers": [
            {
                "image": "public.ecr.aws/amazonlinux/amazonlinux:2",
                "command": ["sleep", "60"],
                "resources": {"limits": {"cpu": "1", "memory": "1024Mi"}},
            }
        ],
    }
    definition = {"jobDefinitionName": "jobs", "type": "container", "eksProperties": {"podProperties": pod}}
    resources = {"instanceRole": sandbox.env["INSTANCE_PROFILE"]}
    document = {
        "computeEnvironment": {"computeResources": resources},
        "jobDefinitions": [definition],
        "jobIdentity": {"roleArn": ROLE},
        "containerLogs": True,
    }
    return PlatformSpec.model_validate(document | parts)


def trust(statement: str) -> str:
    """A trust policy of one statement."""
    return f'{{"Version": "2012-10-17", "Statement": [{statement}]}}'


def make_role(cluster: EksCluster, statement: str) -> None:
    """A role for jobs, which trusts whom the statement says."""
    cluster.iam.create_role(RoleName="BatchJobs", Path="/team/", AssumeRolePolicyDocument=trust(statement))


def make_prerequisites(cluster: EksCluster) -> None:
    """What a person does once: the role, the agent on the cluster, the node role's policy."""
    make_role(cluster, by_pod_identity(cluster.arn, NAMESPACE, "batch-jobs").statement())
    cluster.eks.create_addon(clusterName=CLUSTER, addonName=POD_IDENTITY_AGENT)
    cluster.iam.attach_role_policy(RoleName="EksBatchNodeRole", PolicyArn=LOGS_POLICY)
    cluster.eks.get_waiter("addon_active").wait(clusterName=CLUSTER, addonName=POD_IDENTITY_AGENT)


def other_role(cluster: EksCluster) -> str:
    """A role that jobs could have, and are not to have."""
    statement = by_pod_identity(cluster.arn, NAMESPACE, "batch-jobs").statement()
    return cluster.iam.create_role(RoleName="Other", AssumeRolePolicyDocument=trust(statement))["Role"]["Arn"]


def delete_endpoints(cluster: EksCluster, *services: str) -> None:
    """Take interface endpoints away."""
    names: Any = [{"Name": "service-name", "Values": [f"com.amazonaws.us-east-1.{service}" for service in services]}]
    found = cluster.ec2.describe_vpc_endpoints(Filters=names)["VpcEndpoints"]
    cluster.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"] for endpoint in found])


def association(cluster: EksCluster, account: str = "batch-jobs") -> dict[str, Any]:
    """The association of a service account, as it is described."""
    summaries = cluster.eks.list_pod_identity_associations(clusterName=CLUSTER, serviceAccount=account)["associations"]
    identifiers = [summary["associationId"] for summary in summaries]
    (found,) = (
        cluster.eks.describe_pod_identity_association(clusterName=CLUSTER, associationId=identifier)["association"]
        for identifier in identifiers
    )
    return dict(found)


def test_everything_that_is_missing_is_said_at_once_before_the_first_change(
    cluster: EksCluster, embedded: RemoteSandbox
) -> None:
    statement = {"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    make_role(cluster, json.dumps(statement))
    delete_endpoints(cluster, "eks-auth", "logs")
    embedded.clear_calls()
    with pytest.raises(OperationError) as refused:
        setup_batch(cluster, the_platform(embedded))
    for words in (
        "no interface endpoint com.amazonaws.us-east-1.eks-auth",
        f"aws eks create-addon --cluster-name {CLUSTER} --addon-name {POD_IDENTITY_AGENT}",
        "its trust policy does not allow pods.eks.amazonaws.com sts:TagSession",
        '"Action": ["sts:AssumeRole", "sts:TagSession"]',
        "no interface endpoint com.amazonaws.us-east-1.logs",
        "attach CloudWatchAgentServerPolicy to EksBatchNodeRole",
    ):
        assert words in str(refused.value)
    assert mutating(embedded) == []


def test_both_parts_from_plan_to_teardown(cluster: EksCluster, embedded: RemoteSandbox) -> None:
    make_prerequisites(cluster)
    cluster.eks.create_pod_identity_association(
        clusterName=CLUSTER, namespace=NAMESPACE, serviceAccount="theirs", roleArn=ROLE
    )
    before = cluster_picture(cluster)
    platform = the_platform(embedded)
    embedded.clear_calls()
    planned = setup_batch(cluster, platform, plan=True)
    assert mutating(embedded) == []

    done = setup_batch(cluster, platform)
    assert [(o.step, o.name, o.action) for o in planned.outcomes] == [(o.step, o.name, o.action) for o in done.outcomes]
    assert all(outcome.identifier for outcome in done.outcomes)
    parts = {outcome.step: outcome for outcome in done.outcomes if outcome.step in STEPS}
    assert list(parts) == STEPS
    assert {outcome.action for outcome in parts.values()} == {"created"}
    account = cluster.core_v1.read_namespaced_service_account("batch-jobs", NAMESPACE)
    assert ROLE_ANNOTATION not in account.metadata.annotations
    made = association(cluster)
    assert (made["roleArn"], made["tags"]) == (ROLE, {"managed-by": "batch-eks-flows"})
    addon = cluster.eks.describe_addon(clusterName=CLUSTER, addonName=CLOUDWATCH)["addon"]
    assert addon["status"] == "ACTIVE"
    # AWS Batch User Guide, batch-eks-cloudwatch-logs.
    tolerations = [{"key": "batch.amazonaws.com/batch-node", "operator": "Exists"}]
    assert json.loads(addon["configurationValues"]) == {"tolerations": tolerations}
    artifact: Any = Artifact.get("setup-batch")
    assert "the AWS SDKs and CLI use EKS Pod Identity there too" in artifact.data
    assert f"/aws/containerinsights/{CLUSTER}/application" in artifact.data

    # A pod whose service account is not there would not be let in.
    hello = {"containers": [{"command": ["/bin/sh"], "args": ["-c", "echo hello"]}]}
    job = {"jobName": "hello", "jobQueue": "My-Eks-JQ1", "jobDefinition": "jobs"}
    request = JobRequest.from_document({**job, "eksPropertiesOverride": {"podProperties": hello}})
    assert submit_jobs(cluster, [request]).jobs[0].status == "SUCCEEDED"

    embedded.clear_calls()
    again = setup_batch(cluster, platform)
    assert {outcome.action for outcome in again.outcomes} == {"unchanged"}
    assert mutating(embedded) == []

    # What somebody changes by hand is drift, and put back; what else is configured of the add-on stays.
    other = other_role(cluster)
    cluster.eks.update_pod_identity_association(clusterName=CLUSTER, associationId=made["associationId"], roleArn=other)
    values = "agent: {config: {}}\ncontainerLogs: {enabled: false}\ntolerations: []\n"
    cluster.eks.update_addon(clusterName=CLUSTER, addonName=CLOUDWATCH, configurationValues=values)
    cluster.eks.get_waiter("addon_active").wait(clusterName=CLUSTER, addonName=CLOUDWATCH)
    drifted = check_drift(cluster, platform, image_source="mirror").changed
    assert [(outcome.step, sorted(change.field for change in outcome.changes)) for outcome in drifted] == [
        ("pod identity association", ["roleArn"]),
        ("container logs", ["collectsContainerLogs", "toleratesBatchNodes"]),
    ]
    identity = platform.job_identity
    assert identity
    assert ensure_pod_identity_association(cluster, identity, NAMESPACE).action == "updated"
    assert ensure_container_logs(cluster).action == "updated"
    assert association(cluster)["roleArn"] == ROLE
    addon = cluster.eks.describe_addon(clusterName=CLUSTER, addonName=CLOUDWATCH)["addon"]
    assert json.loads(addon["configurationValues"]) == {
        "agent": {"config": {}},
        "containerLogs": {"enabled": True},
        "tolerations": tolerations,
    }

    gone = teardown(cluster, platform, delete_images=True, approve=False)
    assert {outcome.action for outcome in gone.outcomes if outcome.step in STEPS} == {"deleted"}
    assert cluster.eks.list_addons(clusterName=CLUSTER)["addons"] == [POD_IDENTITY_AGENT]
    assert association(cluster, "theirs")["roleArn"] == ROLE
    left = cluster.eks.list_pod_identity_associations(clusterName=CLUSTER)["associations"]
    assert [each["serviceAccount"] for each in left] == ["theirs"]
    assert cluster_picture(cluster) == before


def test_what_others_made_is_refused_kept_and_handed_over_on_request(
    cluster: EksCluster, embedded: RemoteSandbox
) -> None:
    make_prerequisites(cluster)
    platform = the_platform(embedded)
    identity = platform.job_identity
    assert identity
    other = other_role(cluster)
    cluster.eks.create_pod_identity_association(
        clusterName=CLUSTER, namespace=NAMESPACE, serviceAccount="batch-jobs", roleArn=other
    )
    # An old version tolerates no taint by itself.
    cluster.eks.create_addon(clusterName=CLUSTER, addonName=CLOUDWATCH, addonVersion="v1.5.0-eksbuild.1")
    with pytest.raises(OperationError, match="was not made by these flows"):
        ensure_pod_identity_association(cluster, identity, NAMESPACE)
    with pytest.raises(OperationError, match="toleratesBatchNodes: False -> True"):
        ensure_container_logs(cluster)
    for thing in (PodIdentityAssociationRemoval(cluster, "batch-jobs", NAMESPACE), ContainerLogsRemoval(cluster)):
        outcome = remove(thing)
        assert (outcome.action, outcome.note) == ("kept", "these flows did not make it")

    cluster.eks.get_waiter("addon_active").wait(clusterName=CLUSTER, addonName=CLOUDWATCH)
    assert ensure_pod_identity_association(cluster, identity, NAMESPACE, adopt=True).action == "updated"
    assert ensure_container_logs(cluster, adopt=True).action == "updated"
    assert association(cluster)["tags"] == {"managed-by": "batch-eks-flows"}
    addon = cluster.eks.describe_addon(clusterName=CLUSTER, addonName=CLOUDWATCH)["addon"]
    assert (addon["tags"], addon["addonVersion"]) == ({"managed-by": "batch-eks-flows"}, "v1.5.0-eksbuild.1")
    assert ensure_container_logs(cluster).action == "unchanged"

    embedded.settings(addons_without_nodes=True)
    with pytest.raises(OperationError, match="its status is DEGRADED") as unhealthy:
        ensure_container_logs(cluster, degraded_seconds=0)
    assert "InsufficientNumberOfReplicas: The add-on is unhealthy" in str(unhealthy.value)
    assert "kubectl get pods -n amazon-cloudwatch" in unhealthy.value.next_step


def test_by_irsa_the_account_is_annotated_once_the_provider_vouches_for_it(
    cluster: EksCluster, embedded: RemoteSandbox
) -> None:
    platform = the_platform(embedded, "default", jobIdentity={"roleArn": ROLE, "provider": "irsa"}, containerLogs=False)
    issuer = cluster.description["identity"]["oidc"]["issuer"]
    provider = f"arn:aws:iam::123456789012:oidc-provider/{issuer.removeprefix('https://')}"
    make_role(cluster, by_web_identity(provider, NAMESPACE, "somebody-else").statement())
    delete_endpoints(cluster, "sts")
    facts = discover(cluster, embedded.env["INSTANCE_PROFILE"])
    with pytest.raises(OperationError) as refused:
        check_optional_parts(cluster, platform, facts)
    for words in (
        "no interface endpoint com.amazonaws.us-east-1.sts",
        f"eksctl utils associate-iam-oidc-provider --cluster {CLUSTER} --approve",
        f"must be system:serviceaccount:{NAMESPACE}:somebody-else, and is system:serviceaccount:{NAMESPACE}:batch-jobs",
    ):
        assert words in str(refused.value)

    # Another way out of the VPC makes of the endpoint a matter of cost.
    statement = by_web_identity(provider, NAMESPACE, "batch-jobs").statement()
    cluster.iam.update_assume_role_policy(RoleName="BatchJobs", PolicyDocument=trust(statement))
    cluster.iam.create_open_id_connect_provider(
        Url=issuer, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40]
    )
    open_to_the_internet(cluster)
    warnings = check_optional_parts(cluster, platform, facts)
    assert "no interface endpoint com.amazonaws.us-east-1.sts" in warnings.job_identity
    assert "pods of jobs run as the service account default" in warnings.job_identity
    assert warnings.container_logs == ""
    # What may not be looked at is no reason to refuse.
    denied = {"status": 403, "code": "AccessDenied", "message": "no"}
    for service, operation in (
        ("iam", "GetRole"),
        ("iam", "GetOpenIDConnectProvider"),
        ("ec2", "DescribeVpcEndpoints"),
    ):
        embedded.fault(service=service, operation=operation, **denied)
    warnings = check_optional_parts(cluster, platform, facts)
    for words in (ROLE, f"IAM has the OIDC provider {provider}", "the VPC has the interface endpoint sts"):
        assert f"{words} could not be looked at" in warnings.job_identity
    embedded.clear_faults()

    cluster.core_v1.create_namespace({"metadata": {"name": NAMESPACE}})
    identity = platform.job_identity
    assert identity
    assert ensure_job_identity(cluster, identity, NAMESPACE, warnings="so").note == "so"
    account = cluster.core_v1.read_namespaced_service_account("batch-jobs", NAMESPACE)
    assert account.metadata.annotations[ROLE_ANNOTATION] == ROLE
    # With both identities an SDK would choose. Ours goes when the provider changes, somebody else's is named.
    by_association = the_platform(embedded, containerLogs=False)
    cluster.eks.create_addon(clusterName=CLUSTER, addonName=POD_IDENTITY_AGENT)
    with pytest.raises(OperationError, match=r"pods\.eks\.amazonaws\.com sts:AssumeRole") as refused:
        check_optional_parts(cluster, by_association, facts)
    assert ROLE_ANNOTATION not in str(refused.value)
    cluster.core_v1.delete_namespaced_service_account("batch-jobs", NAMESPACE)
    metadata = {"name": "batch-jobs", "annotations": {ROLE_ANNOTATION: ROLE}}
    cluster.core_v1.create_namespaced_service_account(NAMESPACE, {"metadata": metadata})
    with pytest.raises(OperationError, match=f"its annotation {ROLE_ANNOTATION} names {ROLE}"):
        check_optional_parts(cluster, by_association, facts)


def open_to_the_internet(cluster: EksCluster) -> None:
    """A NAT gateway for every subnet."""
    network, ec2 = cluster.description["resourcesVpcConfig"], cluster.ec2
    gateway = ec2.create_nat_gateway(SubnetId=network["subnetIds"][0], ConnectivityType="private")["NatGateway"]
    for subnet in network["subnetIds"]:
        own: Any = [{"Name": "association.subnet-id", "Values": [subnet]}]
        (table,) = ec2.describe_route_tables(Filters=own)["RouteTables"]
        ec2.create_route(
            RouteTableId=table["RouteTableId"],
            DestinationCidrBlock="0.0.0.0/0",
            NatGatewayId=gateway["NatGatewayId"],
        )

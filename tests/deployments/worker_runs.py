"""Every flow, run so that it makes each AWS and Kubernetes call that a worker's rights are made of."""

import json
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from prefect import get_client
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.states import Pending

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from flows.create_cluster import create_private_cluster
from flows.delete_cluster import delete_private_cluster
from flows.diagnose import diagnose_job
from flows.drift import check_drift
from flows.migrate_identity import migrate_identity
from flows.mirror import mirror_images
from flows.preflight import preflight
from flows.reap import reap_jobs
from flows.rerun import rerun_failed
from flows.setup import setup_batch
from flows.submit import submit_jobs
from flows.teardown import teardown
from flows.warm import warm_cache
from flows.watch import watch_jobs
from sandbox.names import ACCOUNT_ID
from sandbox.remote import RemoteSandbox
from specs.addon import CLOUDWATCH, POD_IDENTITY_AGENT
from specs.job_request import JobRequest
from specs.mirror import MirrorImage, MirrorRepositories
from specs.platform import PlatformSpec
from specs.private_cluster import PrivateClusterSpec
from specs.pull_through_cache_rule import PullThroughCacheRuleSpec
from specs.role_trust import by_pod_identity, by_web_identity
from tasks.batch_entry import NAMESPACE_POLICY, batch_role_arn, policy_arn
from tasks.cloudwatch_log import log_group
from tasks.compute_environment import describe_compute_environment
from tasks.job import last_attempt
from tasks.job_report import JobsFailedError
from tasks.report import StepsFailedError
from tests.deployments.worker_role import PLACEHOLDERS
from tests.flows.jobs import shell
from tests.flows.planned_run import execute, planned

LINUX = "public.ecr.aws/amazonlinux/amazonlinux"
REPOSITORY = "amazonlinux/amazonlinux"
NAMESPACE = "my-aws-batch-namespace"
JOB_ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/{PLACEHOLDERS['JOB_ROLE_NAME']}"
OTHER_JOB_ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/team/OtherJobs"
PROFILE, NODE_ROLE = "EksBatchInstanceProfile", "EksBatchNodeRole"
CHANGED_REPOSITORIES = MirrorRepositories.model_validate(
    {"lifecyclePolicy": {}, "imageTagMutability": "IMMUTABLE", "imageScanningConfiguration": {"scanOnPush": True}}
)
# What a queue with a fair-share policy asks of a job.
SHARE: dict[str, Any] = {"shareIdentifier": "team", "schedulingPriorityOverride": 1}


def platform(sandbox: RemoteSandbox, **parts: Any) -> PlatformSpec:
    """The tutorial's platform with a scheduling policy, and some parts otherwise."""
    resources = {"instanceRole": sandbox.env["INSTANCE_PROFILE"], **parts.pop("computeResources", {})}
    document = {
        "computeEnvironment": {"computeResources": resources},
        "schedulingPolicy": {"name": "fair"},
        "nodeRoleArn": sandbox.env["NODE_ROLE"],
    }
    return PlatformSpec.model_validate(document | parts)


def changed_platform(sandbox: RemoteSandbox) -> PlatformSpec:
    """The same with a change to each part that can be updated, and the optional parts."""
    return platform(
        sandbox,
        jobIdentity={"roleArn": JOB_ROLE},
        containerLogs=True,
        computeResources={"maxvCpus": 64},
        jobQueue={"priority": 20, "tags": {"team": "rights"}},
        schedulingPolicy={"name": "fair", "fairsharePolicy": {"shareDecaySeconds": 600}},
    )


def roll_back(both: EksCluster, sandbox: RemoteSandbox) -> None:
    """A setup by access entries that brings its images itself, fails in the middle and takes back what it has made."""
    by_entry = both.model_copy(update={"identity_mapping": "access-entry"})
    fault = {"status": 400, "code": "ClientException", "message": "no more today"}
    sandbox.fault(service="batch", operation="CreateJobQueue", times=1, **fault)
    with pytest.raises(StepsFailedError, match="no more today"):
        setup_batch(by_entry, platform(sandbox), image_source="pull_through", rollback=True)


def bring_images(internet: EksCluster) -> None:
    """mirror_images and warm_cache: repositories made and then changed, images copied and fetched through the cache."""
    images = [MirrorImage(source=f"{LINUX}:2")]
    mirror_images(internet, images)
    mirror_images(internet, images, CHANGED_REPOSITORIES)
    warm_cache(internet)
    with pytest.raises(StepsFailedError):
        warm_cache(internet, ["docker.io/library/none:1"], [docker_hub("one")])
    with pytest.raises(StepsFailedError):
        warm_cache(internet, ["docker.io/library/none:1"], [docker_hub("two")], adopt=True)


def docker_hub(user: str) -> PullThroughCacheRuleSpec:
    """A pull-through cache rule with credentials, in a secret that an administrator has made."""
    manager: Any = boto3.client("secretsmanager")
    login = json.dumps({"username": user, "accessToken": "x"})
    secret = manager.create_secret(Name=f"ecr-pullthroughcache/{user}", SecretString=login)["ARN"]
    rule = {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io", "credentialArn": secret}
    return PullThroughCacheRuleSpec.model_validate(rule)


def refresh_images(internet: EksCluster) -> None:
    """mirror_images once the tag has moved, with a job definition that names the old image."""
    newer = mirror_images(internet, [MirrorImage(source=f"{LINUX}:2023")], CHANGED_REPOSITORIES).images[0]
    image = MirrorImage(source=f"{LINUX}:2", pin=newer.source_digest)
    mutable = MirrorRepositories.model_validate({"imageTagMutability": "MUTABLE"})
    report = mirror_images(internet, [image], mutable, refresh_definitions=True)
    assert [outcome.step for outcome in report.changed] == ["repository", "image", "job definition"]


def set_up(changes: EksCluster, admin: EksCluster, sandbox: RemoteSandbox) -> None:
    """preflight, setup and drift, with access entries, and the jobs' role by IRSA."""
    break_prerequisites(admin)
    prepare_optional_parts(admin)
    wanted = platform(sandbox, jobIdentity={"roleArn": JOB_ROLE, "provider": "irsa"})
    by_entry = changes.model_copy(update={"identity_mapping": "access-entry"})
    preflight(by_entry, wanted, image_source="already_mirrored", fix=True)
    setup_batch(by_entry, wanted, image_source="already_mirrored")
    assert not check_drift(by_entry, wanted).changed


def look_after_cluster(worker: EksCluster) -> None:
    """create_private_cluster and delete_private_cluster, as far as they go without eksctl: a cluster that is in use."""
    spec = PrivateClusterSpec.model_validate({"metadata": {"name": worker.cluster_name}})
    assert create_private_cluster(worker, spec).action == "unchanged"
    with pytest.raises(OperationError, match="My-Eks-CE1"):
        delete_private_cluster(worker, confirm=worker.cluster_name)


def change(changes: EksCluster, admin: EksCluster, sandbox: RemoteSandbox) -> None:
    """migrate_identity both ways, and setup with each part changed: the jobs' role is EKS Pod Identity's then."""
    admin.core_v1.delete_namespaced_config_map("aws-auth", "kube-system")
    migrate_identity(changes, "aws-auth")
    migrate_identity(changes, "access-entry")
    migrate_identity(changes, "aws-auth")
    break_cluster_objects(admin)
    setup_batch(changes, changed_platform(sandbox), image_source="already_mirrored")


def break_cluster_objects(admin: EksCluster) -> None:
    """Change by hand each object in the cluster that setup has made, so that it is put back."""
    namespace, role = NAMESPACE, "aws-batch-compute-environment-role"
    admin.core_v1.patch_namespace(namespace, {"metadata": {"labels": {"name": "other"}}})
    admin.rbac_v1.patch_cluster_role("aws-batch-cluster-role", {"rules": []})
    admin.rbac_v1.patch_cluster_role_binding("aws-batch-cluster-role-binding", {"subjects": []})
    admin.rbac_v1.patch_namespaced_role(role, namespace, {"rules": []})
    admin.rbac_v1.patch_namespaced_role_binding(f"{role}-binding", namespace, {"subjects": []})


def break_prerequisites(admin: EksCluster) -> None:
    """Take something of each kind away that preflight can add."""
    ec2: Any = admin.ec2
    endpoints = {each["ServiceName"].rpartition(".")[2]: each for each in ec2.describe_vpc_endpoints()["VpcEndpoints"]}
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoints["sts"]["VpcEndpointId"]])
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoints["ec2"]["VpcEndpointId"], PrivateDnsEnabled=False)
    gateway = endpoints["s3"]
    ec2.modify_vpc_endpoint(VpcEndpointId=gateway["VpcEndpointId"], RemoveRouteTableIds=gateway["RouteTableIds"][:1])
    subnet = admin.description["resourcesVpcConfig"]["subnetIds"][1]
    own = [{"Name": "association.subnet-id", "Values": [subnet]}]
    (table,) = ec2.describe_route_tables(Filters=own)["RouteTables"]
    (association,) = [each for each in table["Associations"] if each.get("SubnetId") == subnet]
    ec2.disassociate_route_table(AssociationId=association["RouteTableAssociationId"])
    admin.iam.remove_role_from_instance_profile(InstanceProfileName=PROFILE, RoleName=NODE_ROLE)
    admin.iam.delete_instance_profile(InstanceProfileName=PROFILE)


def diagnose_waiting(jobs: EksCluster, admin: EksCluster, sandbox: RemoteSandbox) -> None:
    """diagnose_job on a job that no node can hold, in a cluster with access entries, before Batch says so itself."""
    sandbox.settings(blocked_reason_delay=600)
    limits: Any = {"resources": {"limits": {"cpu": "200", "memory": "1024Mi"}}}
    submitted = admin.batch.submit_job(
        jobName="huge",
        jobQueue="My-Eks-JQ1",
        jobDefinition="MyJobOnEks_Sleep",
        eksPropertiesOverride={"podProperties": {"containers": [limits]}},
        **SHARE,
    )
    deadline = time.monotonic() + 30
    while admin.batch.describe_jobs(jobs=[submitted["jobId"]])["jobs"][0]["status"] != "RUNNABLE":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert diagnose_job(jobs, submitted["jobId"]).cause
    admin.batch.terminate_job(jobId=submitted["jobId"], reason="seen")


def run_jobs(jobs: EksCluster, admin: EksCluster, sandbox: RemoteSandbox, directory: Path) -> None:
    """submit_jobs, rerun_failed, watch_jobs, reap_jobs and diagnose_job."""
    run_id = planned(submit_jobs)
    twice = shell("twice", f"test -e {directory}/seen || {{ touch {directory}/seen; exit 3; }}", **SHARE)
    array = shell("odd", "test $((AWS_BATCH_JOB_ARRAY_INDEX % 2)) = 0", arrayProperties={"size": 2}, **SHARE)
    with pytest.raises(JobsFailedError):
        execute(submit_jobs, run_id, cluster=jobs, jobs=[twice, array], push=True)
    with pytest.raises(JobsFailedError):
        rerun_failed(jobs, run_id)
    end_suspended_run(jobs)
    diagnose_without_pod(jobs, admin, sandbox)
    diagnose_hanging(jobs, admin)


def diagnose_hanging(jobs: EksCluster, admin: EksCluster) -> None:
    """submit_jobs and diagnose_job on jobs that hang: in STARTING for their image, in RUNNABLE for Batch's rights."""
    with pytest.raises(JobsFailedError, match="Failed to pull image"):
        submit_jobs(jobs, [hanging("hangs")], stuck_after_seconds=1, end_stuck_jobs=True)
    admin.rbac_v1.delete_cluster_role_binding("aws-batch-cluster-role-binding")
    admin.batch.update_compute_environment(computeEnvironment="My-Eks-CE1")
    waiting = admin.batch.submit_job(jobName="waits", jobQueue="My-Eks-JQ1", jobDefinition="MyJobOnEks_Sleep", **SHARE)
    deadline = time.monotonic() + 30
    while describe_compute_environment(admin, "My-Eks-CE1")["status"] != "INVALID":  # type: ignore[index]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "may not" in diagnose_job(jobs, waiting["jobId"]).model_dump_json()


def hanging(name: str) -> JobRequest:
    """A job whose image cannot be pulled."""
    document = shell(name, "true", **SHARE).to_document()
    document["eksPropertiesOverride"]["podProperties"]["containers"][0]["image"] = "public.ecr.aws/some/image:1"
    return JobRequest.from_document(document)


def end_suspended_run(jobs: EksCluster) -> None:
    """A run that holds no worker: watched, and in the end its job is ended from outside."""
    deployment: Any = submit_jobs.to_deployment("unserved-rights", enforce_parameter_schema=False)
    with get_client(sync_client=True) as client:
        run = client.create_flow_run_from_deployment(deployment.apply(), parameters={}, state=Pending())
    with pytest.raises(Pause):
        run_flow(
            submit_jobs,
            flow_run=run,
            parameters={
                "cluster": jobs,
                "jobs": [shell("long", "sleep 600", **SHARE)],
                "hold_worker": False,
                "push": False,
            },
        )
    assert watch_jobs(jobs) == []
    assert len(reap_jobs(jobs, str(run.id))) == 1


def diagnose_without_pod(jobs: EksCluster, admin: EksCluster, sandbox: RemoteSandbox) -> None:
    """A job whose pod is gone: its log is CloudWatch's."""
    sandbox.settings(pod_cleanup_delay=0)
    report = submit_jobs(jobs, [shell("gone", "true", **SHARE)])
    job_id = report.jobs[0].job_id
    (job,) = admin.batch.describe_jobs(jobs=[job_id])["jobs"]
    attempt: Any = last_attempt(job)
    logs: Any = admin.session.client("logs")
    stream = (
        f"{attempt['nodeName']}-application.var.log.containers."
        f"{attempt['podName']}_{attempt['podNamespace']}_default-0123.log"
    )
    logs.create_log_group(logGroupName=log_group(admin))
    logs.create_log_stream(logGroupName=log_group(admin), logStreamName=stream)
    events = [{"timestamp": int(time.time() * 1000), "message": json.dumps({"log": "kept", "stream": "stdout"})}]
    logs.put_log_events(logGroupName=log_group(admin), logStreamName=stream, logEvents=events)
    deadline = time.monotonic() + 30
    while admin.core_v1.list_namespaced_pod(
        attempt["podNamespace"], label_selector=f"batch.amazonaws.com/job-id={job_id}"
    ).items:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert "kept" in diagnose_job(jobs, job_id).model_dump_json()


def prepare_optional_parts(admin: EksCluster) -> None:
    """What a person does once: roles that pods may have in both ways, what vouches for pods, the node role's policy."""
    issuer = admin.description["identity"]["oidc"]["issuer"]
    provider: Any = {"Url": issuer, "ClientIDList": ["sts.amazonaws.com"], "ThumbprintList": ["0" * 40]}
    vouching = admin.iam.create_open_id_connect_provider(**provider)["OpenIDConnectProviderArn"]
    account = (NAMESPACE, "batch-jobs")
    ways = (by_pod_identity(admin.arn, *account), by_web_identity(vouching, *account))
    trust = json.dumps({"Version": "2012-10-17", "Statement": [json.loads(way.statement()) for way in ways]})
    for arn in (JOB_ROLE, OTHER_JOB_ROLE):
        admin.iam.create_role(RoleName=arn.rpartition("/")[2], Path="/team/", AssumeRolePolicyDocument=trust)
    admin.eks.create_addon(clusterName=admin.cluster_name, addonName=POD_IDENTITY_AGENT)
    logs = "arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy"
    admin.iam.attach_role_policy(RoleName=NODE_ROLE, PolicyArn=logs)


def replace_optional_parts(admin: EksCluster) -> None:
    """Put something of somebody else's, which differs, in the place of the association and the add-on."""
    eks, name = admin.eks, admin.cluster_name
    (found,) = eks.list_pod_identity_associations(clusterName=name, namespace=NAMESPACE)["associations"]
    eks.delete_pod_identity_association(clusterName=name, associationId=found["associationId"])
    eks.create_pod_identity_association(
        clusterName=name, namespace=NAMESPACE, serviceAccount="batch-jobs", roleArn=OTHER_JOB_ROLE
    )
    eks.delete_addon(clusterName=name, addonName=CLOUDWATCH)
    values = "containerLogs: {enabled: false}"
    eks.create_addon(clusterName=name, addonName=CLOUDWATCH, configurationValues=values)


def take_down(changes: EksCluster, admin: EksCluster, sandbox: RemoteSandbox) -> None:
    """setup with the images through the cache, and by a new compute environment, that takes optional parts over.

    Then teardown with a job that goes on, and of access entries: others have a namespace in the policy of Batch's.
    """
    replace_optional_parts(admin)
    changed = changed_platform(sandbox)
    setup_batch(changes, changed, image_source="pull_through", adopt=True)
    migrate_identity(changes, "access-entry")
    admin.eks.associate_access_policy(
        clusterName=admin.cluster_name,
        principalArn=batch_role_arn(admin),
        policyArn=policy_arn(admin, NAMESPACE_POLICY),
        accessScope={"type": "namespace", "namespaces": [NAMESPACE, "second"]},
    )
    admin.batch.submit_job(jobName="goes-on", jobQueue="My-Eks-JQ1", jobDefinition="MyJobOnEks_Sleep", **SHARE)
    teardown(changes, changed, approve=False, delete_images=True, jobs="cancel")

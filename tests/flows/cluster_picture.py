"""Everything in the cluster and in AWS that setup or teardown could touch, whoever made it."""

from typing import Any

from kubernetes import client

from blocks.eks_cluster import EksCluster
from tests.flows.setup_picture import VOLATILE, without


def cluster_picture(cluster: EksCluster) -> dict[str, Any]:
    """All of it as it is described, without times and versions; uids stay: what was made anew is not the same."""
    serialize = client.ApiClient().sanitize_for_serialization
    core, rbac, batch, ecr = cluster.core_v1, cluster.rbac_v1, cluster.batch, cluster.ecr
    objects = [
        *core.list_namespace().items,
        *core.list_config_map_for_all_namespaces().items,
        *core.list_service_account_for_all_namespaces().items,
        *rbac.list_cluster_role().items,
        *rbac.list_cluster_role_binding().items,
        *rbac.list_role_for_all_namespaces().items,
        *rbac.list_role_binding_for_all_namespaces().items,
    ]
    policies = batch.list_scheduling_policies()["schedulingPolicies"]
    principals = cluster.eks.list_access_entries(clusterName=cluster.cluster_name)["accessEntries"]
    described = {
        "objects": {item.metadata.uid: serialize(item) for item in objects},
        "compute environments": batch.describe_compute_environments()["computeEnvironments"],
        "job queues": batch.describe_job_queues()["jobQueues"],
        "job definitions": batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"],
        "scheduling policies": sorted(policy["arn"] for policy in policies),
        "repositories": ecr.describe_repositories()["repositories"],
        "pull-through cache rules": ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"],
        "access entries": {arn: _access_entry(cluster, arn) for arn in principals},
    }
    picture: dict[str, Any] = without(described, VOLATILE)
    return picture


def _access_entry(cluster: EksCluster, principal_arn: str) -> dict[str, Any]:
    principal: Any = {"clusterName": cluster.cluster_name, "principalArn": principal_arn}
    entry = cluster.eks.describe_access_entry(**principal)["accessEntry"]
    policies = cluster.eks.list_associated_access_policies(**principal)["associatedAccessPolicies"]
    scopes = {policy["policyArn"]: policy["accessScope"] for policy in policies}
    return {**entry, "modifiedAt": None, "policies": scopes}

"""Things of others beside those of a setup: whatever teardown does, they stay."""

import time
from typing import Any

from blocks.eks_cluster import EksCluster

ENTRY = "# ours, keep it\n- rolearn: arn:aws:iam::123456789012:role/Ours # really\n  username: ours\n"


def make_foreign_things(cluster: EksCluster) -> None:
    """One of each kind that setup makes too, made by hand under other names, and an entry in aws-auth."""
    cluster.core_v1.create_namespace({"metadata": {"name": "foreign"}})
    deadline = time.monotonic() + 60
    # Kubernetes puts these into it, a moment later.
    while not cluster.core_v1.list_namespaced_service_account("foreign").items:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    cluster.core_v1.create_namespaced_config_map("foreign", {"metadata": {"name": "foreign"}, "data": {"a": "b"}})
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    cluster.rbac_v1.create_cluster_role({"metadata": {"name": "foreign"}, "rules": rules})
    cluster.rbac_v1.create_namespaced_role("foreign", {"metadata": {"name": "foreign"}, "rules": rules})
    config_map = cluster.core_v1.read_namespaced_config_map("aws-auth", "kube-system")
    config_map.data["mapRoles"] = ENTRY + config_map.data["mapRoles"] + "# the end, without a newline"
    cluster.core_v1.replace_namespaced_config_map("aws-auth", "kube-system", config_map)
    cluster.batch.create_scheduling_policy(name="foreign")
    container: Any = {"image": "foreign", "resources": {"limits": {"cpu": "1", "memory": "64Mi"}}}
    cluster.batch.register_job_definition(
        jobDefinitionName="foreign", type="container", eksProperties={"podProperties": {"containers": [container]}}
    )
    cluster.ecr.create_repository(repositoryName="foreign/app")
    cluster.ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="foreign", upstreamRegistryUrl="quay.io")

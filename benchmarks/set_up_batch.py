"""Sets a sandbox's cluster up with the flow setup_batch, with room for every job that may be submitted in a while."""

import os

from blocks.eks_cluster import EksCluster
from flows.setup import setup_batch
from specs.platform import PlatformSpec

VCPUS = 1024


def main() -> None:
    """Run the flow."""
    resources = {"instanceRole": os.environ["INSTANCE_PROFILE"], "maxvCpus": VCPUS}
    platform = PlatformSpec.model_validate({"computeEnvironment": {"computeResources": resources}})
    setup_batch(EksCluster(cluster_name=os.environ["EKS_CLUSTER"]), platform)


if __name__ == "__main__":
    main()

"""The role that Batch acts as: AWSServiceRoleForBatch."""

from botocore.exceptions import BotoCoreError, ClientError

from blocks.aws_errors import UNSENT, error_code, error_text
from blocks.eks_cluster import EksCluster
from tasks.outcome import Outcome
from tasks.step import step

ROLE, SERVICE = "AWSServiceRoleForBatch", "batch.amazonaws.com"


@step("service-linked role " + ROLE)
def ensure_service_linked_role(cluster: EksCluster, *, plan: bool = False) -> Outcome:
    """Create Batch's service-linked role where it is missing, so that it can be mapped before it is first used.

    https://docs.aws.amazon.com/batch/latest/userguide/using-service-linked-roles-batch-general.html : Batch makes
    it itself with the first compute environment, so a private VPC without an IAM endpoint is no obstacle.

    Args:
        cluster: Gives account and partition.
        plan: Report only.
    """
    arn = f"arn:{cluster.partition}:iam::{cluster.account_id}:role/aws-service-role/{SERVICE}/{ROLE}"
    outcome = Outcome(step="service-linked role", name=ROLE, action="unchanged", identifier=arn, planned=plan)
    try:
        cluster.iam.get_role(RoleName=ROLE)
    except ClientError as error:
        if error_code(error) != "NoSuchEntity":
            raise
    except BotoCoreError as error:
        if not isinstance(error, UNSENT):
            raise
        return outcome.model_copy(update={"note": f"IAM cannot be reached from here ({error}); Batch makes the role"})
    else:
        return outcome
    if not plan:
        _create(cluster)
    return outcome.model_copy(update={"action": "created"})


def _create(cluster: EksCluster) -> None:
    try:
        cluster.iam.create_service_linked_role(AWSServiceName=SERVICE)
    except ClientError as error:
        # The words of a lost race (IAM has no code of its own for it).
        if not (error_code(error) == "InvalidInput" and "has been taken in this account" in error_text(error)):
            raise

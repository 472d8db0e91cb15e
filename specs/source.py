"""Where the rules are written down."""

BATCH_GUIDE = "https://docs.aws.amazon.com/batch/latest/userguide"
ECR_GUIDE = "https://docs.aws.amazon.com/AmazonECR/latest/userguide"
EKSCTL_GUIDE = "https://docs.aws.amazon.com/eks/latest/eksctl"
EKSCTL_SCHEMA = "https://schema.eksctl.io"
EKSCTL_VALIDATION = "https://github.com/eksctl-io/eksctl, pkg/apis/eksctl.io/v1alpha5/validation.go"
EKS_GUIDE = "https://docs.aws.amazon.com/eks/latest/userguide"
KUBERNETES_NAMES = "https://kubernetes.io/docs/concepts/overview/working-with-objects/names/"
KUBERNETES_LABELS = "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/"
KUBERNETES_API = "Kubernetes API reference"
LIFECYCLE_POLICY = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html"
PRIVATE_CLUSTER = f"{EKSCTL_GUIDE}/eks-private-cluster.html"
TABLES = "docs/how-to/job-table.md"
TAGGING = "https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html"


def guide(page: str) -> str:
    """The address of a page of the AWS Batch User Guide."""
    return f"{BATCH_GUIDE}/{page}.html"


def member(shape: str, name: str, service: str = "batch") -> str:
    """A member of a shape of botocore's service model."""
    return f"botocore {service} {shape}.{name}"

"""The private EKS cluster that AWS Batch runs jobs on, as a Prefect block."""

import threading
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from botocore.exceptions import BotoCoreError, ClientError
from kubernetes import client as kubernetes
from prefect.blocks.core import Block
from prefect_aws import AwsCredentials
from pydantic import Field, PrivateAttr

from blocks.aws_errors import error_code, explain_aws
from blocks.aws_session import AwsSession
from blocks.bearer_token import BearerToken
from blocks.kubernetes_api import ExplainingApiClient, api_client, api_client_from_kubeconfig
from blocks.operation_error import OperationError

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_eks import EKSClient
    from mypy_boto3_eks.type_defs import ClusterTypeDef
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient


class EksCluster(Block):
    """A private Amazon EKS cluster: who calls it, and how its Kubernetes API is reached.

    Endpoint and certificate authority come from DescribeCluster and the bearer token from a presigned STS request,
    so neither the aws CLI nor a kubeconfig is needed. Where the private API is reached through a bastion, a
    port-forward or a proxy, `server`, `tls_server_name` and `proxy_url` say so.

    Example:
        Load a stored cluster and list its namespaces:
        ```python
        from blocks.eks_cluster import EksCluster

        cluster = EksCluster.load("BLOCK_NAME")
        cluster.core_v1.list_namespace()
        ```
    """

    _block_type_name: ClassVar[str] = "EKS Cluster"
    _block_type_slug: ClassVar[str] = "eks-cluster"
    _logo_url: ClassVar[Any] = (
        "https://cdn.sanity.io/images/3ugk85nk/production/d74b16fe84ce626345adf235a47008fea2869a60-225x225.png"
    )
    _documentation_url: ClassVar[Any] = (
        "https://docs.aws.amazon.com/batch/latest/userguide/getting-started-eks-privateclusters.html"
    )

    aws_credentials: AwsCredentials = Field(
        default_factory=AwsCredentials,
        title="AWS credentials",
        description="Who calls AWS and the cluster; empty for the worker's own role.",
    )
    cluster_name: str = Field(
        title="Cluster name",
        description="Name of the EKS cluster.",
        min_length=1,
        max_length=100,
        pattern=r"^[0-9A-Za-z][A-Za-z0-9_-]*$",
        examples=["my-test-cluster"],
    )
    identity_mapping: Literal["auto", "aws-auth", "access-entry"] = Field(
        default="auto",
        title="Identity mapping",
        description="How AWS Batch and its nodes are made known to the cluster: the aws-auth ConfigMap, or EKS access "
        "entries; auto keeps what is in use, and takes aws-auth first where the cluster reads both.",
        examples=["access-entry"],
    )
    endpoint_urls: dict[str, str] = Field(
        default_factory=dict,
        title="AWS endpoints",
        description="Endpoint URL by service name, such as batch, eks, ecr or sts, for interface endpoints without "
        "private DNS, as JSON; services not named follow the environment.",
        examples=[{"batch": "https://vpce-0123-abcd.batch.us-east-1.vpce.amazonaws.com"}],
    )
    kubeconfig: str = Field(
        default="",
        title="Kubeconfig",
        description="Path of a kubeconfig to use instead of DescribeCluster and an STS token; empty for none.",
        examples=["~/.kube/config"],
    )
    kubeconfig_context: str = Field(
        default="",
        title="Kubeconfig context",
        description="Context in the kubeconfig; empty for its current one.",
        examples=["arn:aws:eks:us-east-1:123456789012:cluster/my-test-cluster"],
    )
    server: str = Field(
        default="",
        title="Server",
        description="URL to call instead of the cluster's endpoint, such as a port-forward through a bastion.",
        examples=["https://127.0.0.1:8443"],
    )
    tls_server_name: str = Field(
        default="",
        title="TLS server name",
        description="The name on the API server's certificate where it is called by another one.",
        examples=["ABCD1234.gr7.us-east-1.eks.amazonaws.com"],
    )
    proxy_url: str = Field(
        default="",
        title="Proxy",
        description="HTTP or HTTPS proxy on the way to the Kubernetes API.",
        examples=["http://proxy.internal:3128"],
    )

    _lock: threading.RLock = PrivateAttr(default_factory=threading.RLock)
    _session: AwsSession | None = PrivateAttr(default=None)
    _cluster: Any = PrivateAttr(default=None)
    _kubernetes: ExplainingApiClient | None = PrivateAttr(default=None)

    @property
    def session(self) -> AwsSession:
        """The AWS session that all clients come from."""
        with self._lock:
            if self._session is None:
                self._session = AwsSession(self.aws_credentials, self.endpoint_urls)
            return self._session

    @property
    def batch(self) -> "BatchClient":
        """AWS Batch."""
        client: BatchClient = self.session.client("batch")
        return client

    @property
    def batch_once(self) -> "BatchClient":
        """AWS Batch with a single attempt a call, for SubmitJob and RegisterJobDefinition (no idempotency token)."""
        client: BatchClient = self.session.client("batch", once=True)
        return client

    @property
    def ec2(self) -> "EC2Client":
        """Amazon EC2."""
        client: EC2Client = self.session.client("ec2")
        return client

    @property
    def ecr(self) -> "ECRClient":
        """Amazon ECR."""
        client: ECRClient = self.session.client("ecr")
        return client

    @property
    def eks(self) -> "EKSClient":
        """Amazon EKS."""
        client: EKSClient = self.session.client("eks")
        return client

    @property
    def events(self) -> "EventBridgeClient":
        """Amazon EventBridge."""
        client: EventBridgeClient = self.session.client("events")
        return client

    @property
    def iam(self) -> "IAMClient":
        """AWS IAM."""
        client: IAMClient = self.session.client("iam")
        return client

    @property
    def sqs(self) -> "SQSClient":
        """Amazon SQS."""
        client: SQSClient = self.session.client("sqs")
        return client

    @property
    def logs_once(self) -> "CloudWatchLogsClient":
        """Amazon CloudWatch Logs with a single attempt a call: a log is not worth the wait for a missing endpoint."""
        client: CloudWatchLogsClient = self.session.client("logs", once=True)
        return client

    @property
    def sts(self) -> "STSClient":
        """AWS STS."""
        client: STSClient = self.session.client("sts")
        return client

    @property
    def description(self) -> "ClusterTypeDef":
        """What DescribeCluster answers, asked once for the life of this block.

        Raises:
            OperationError: If the cluster does not exist, is not active, or AWS refuses.
        """
        with self._lock:
            if self._cluster is None:
                self._cluster = self._describe()
            description: ClusterTypeDef = self._cluster
            return description

    @property
    def arn(self) -> str:
        """ARN of the cluster."""
        return self.description["arn"]

    @property
    def partition(self) -> str:
        """Partition of the cluster: `aws`, `aws-cn`, `aws-us-gov`."""
        return self.arn.split(":")[1]

    @property
    def region(self) -> str:
        """Region of the cluster."""
        return self.arn.split(":")[3]

    @property
    def account_id(self) -> str:
        """Account of the cluster."""
        return self.arn.split(":")[4]

    @property
    def authentication_mode(self) -> str:
        """How the cluster knows AWS identities: `CONFIG_MAP`, `API` (access entries) or `API_AND_CONFIG_MAP`."""
        # EKS's default where it does not say (botocore eks CreateAccessConfigRequest.authenticationMode).
        return self.description.get("accessConfig", {}).get("authenticationMode", "CONFIG_MAP")

    @property
    def core_v1(self) -> Any:
        """kubernetes.client.CoreV1Api of the cluster."""
        return kubernetes.CoreV1Api(self._api_client)

    @property
    def apps_v1(self) -> Any:
        """kubernetes.client.AppsV1Api of the cluster."""
        return kubernetes.AppsV1Api(self._api_client)

    @property
    def version(self) -> Any:
        """kubernetes.client.VersionApi of the cluster."""
        return kubernetes.VersionApi(self._api_client)

    @property
    def api_server(self) -> str:
        """URL that the Kubernetes API is called at."""
        return str(self._api_client.configuration.host)

    @property
    def rbac_v1(self) -> Any:
        """kubernetes.client.RbacAuthorizationV1Api of the cluster."""
        return kubernetes.RbacAuthorizationV1Api(self._api_client)

    @property
    def authorization_v1(self) -> Any:
        """kubernetes.client.AuthorizationV1Api of the cluster."""
        return kubernetes.AuthorizationV1Api(self._api_client)

    @property
    def _api_client(self) -> ExplainingApiClient:
        with self._lock:
            if self._kubernetes is None:
                self._kubernetes = self._connect()
            return self._kubernetes

    def as_deleted(self, arn: str) -> Self:
        """This block for a cluster that is gone: it knows the ARN that the cluster had, and nothing else.

        Args:
            arn: The ARN.

        Raises:
            OperationError: If the cluster is there.
        """
        resource = f"EKS cluster {self.cluster_name}"
        try:
            found = self.eks.describe_cluster(name=self.cluster_name)["cluster"]["status"]
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise explain_aws(error, resource) from error
        except BotoCoreError as error:
            raise explain_aws(error, resource) from error
        else:
            raise OperationError(
                resource,
                f"it is there, its status is {found}",
                "it was said to be deleted",
                "run again without `cluster_deleted`, or once the cluster is gone",
            )
        deleted = self.model_copy()
        deleted._cluster = {"arn": arn}
        return deleted

    def _connect(self) -> ExplainingApiClient:
        if self.kubeconfig:
            return api_client_from_kubeconfig(
                self.kubeconfig,
                self.kubeconfig_context,
                server=self.server,
                tls_server_name=self.tls_server_name,
                proxy_url=self.proxy_url,
            )
        return api_client(
            self.server or self.description["endpoint"],
            self.description["certificateAuthority"]["data"],
            BearerToken(lambda: self.session.presign_identity(self.cluster_name)),
            tls_server_name=self.tls_server_name,
            proxy_url=self.proxy_url,
        )

    def _describe(self) -> "ClusterTypeDef":
        resource = f"EKS cluster {self.cluster_name}"
        try:
            cluster = self.eks.describe_cluster(name=self.cluster_name)["cluster"]
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                raise OperationError(
                    resource,
                    f"no cluster of this name in {self.session.region or 'no region'}",
                    "the name, the region or the account is another one",
                    "correct the EKS Cluster block, or create the cluster first",
                ) from error
            raise explain_aws(error, resource) from error
        except BotoCoreError as error:
            raise explain_aws(error, resource) from error
        if cluster["status"] not in ("ACTIVE", "UPDATING"):
            raise OperationError(
                resource,
                f"its status is {cluster['status']}",
                "the cluster cannot be used yet, or no longer",
                "wait until it is ACTIVE and run again",
                can_heal=cluster["status"] in ("CREATING", "PENDING"),
            )
        return cluster

"""EKS bearer tokens of IAM roles, for those who call the cluster from inside AWS: Batch and the nodes."""

import base64
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from sandbox.names import ACCOUNT_ID

V1_PREFIX = "k8s-aws-v1."
CLUSTER_HEADER = "x-k8s-aws-id"
# The shortest that STS gives (AssumeRole, DurationSeconds), and as long as a token is accepted.
_SESSION_SECONDS = 900
_forgetting = Lock()


class RoleMissingError(LookupError):
    """The role to assume does not exist (any more)."""


def role_token(role_name: str, session_name: str, cluster_name: str, region: str = "us-east-1") -> str:
    """An EKS token as an IAM role, as its assumed session would make it.

    The role is assumed inside moto's STS: no request is made, so none shows up in the audit of calls. The token
    is accepted for 15 minutes (aws-iam-authenticator); make a new one after that.

    Args:
        role_name: Name of the role, without path.
        session_name: Session name. For an EC2 instance it is the instance id (aws-iam-authenticator's
            `{{EC2PrivateDNSName}}` relies on it), for Batch `aws-batch`.
        cluster_name: The cluster that the token is for.
        region: Region of the STS endpoint that the token is signed for.

    Raises:
        RoleMissingError: There is no such role.
    """
    try:
        role = iam_backends[ACCOUNT_ID]["aws"].get_role(role_name)
    except NotFoundException as error:
        raise RoleMissingError(f"The role with name {role_name} cannot be found.") from error
    sts = sts_backends[ACCOUNT_ID]["aws"]
    _forget_expired(sts.assumed_roles)
    session = sts.assume_role(
        region_name=region,
        role_session_name=session_name,
        role_arn=role.arn,
        policy="",
        duration=_SESSION_SECONDS,
        external_id="",
    )
    credentials = Credentials(session.access_key_id, session.secret_access_key, session.session_token)
    return presign(credentials, cluster_name, region)


def _forget_expired(sessions: list[Any]) -> None:
    """Drop the oldest sessions once they have expired: moto keeps them for ever, and a busy Batch makes many."""
    now = datetime.now(UTC).replace(tzinfo=None)
    with _forgetting:
        while sessions and sessions[0].expiration < now:
            expired = sessions.pop(0)
            iam_backends[expired.account_id]["aws"].access_keys.pop(expired.access_key_id, None)


def presign(credentials: Credentials, cluster_name: str, region: str) -> str:
    """Sign GetCallerIdentity as `aws eks get-token` does and wrap the URL as a token.

    Args:
        credentials: Whose identity the token carries.
        cluster_name: Goes into the signed header `x-k8s-aws-id`.
        region: Region of the public STS endpoint.
    """
    url = f"https://sts.{region}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    request = AWSRequest(method="GET", url=url, headers={CLUSTER_HEADER: cluster_name})
    SigV4QueryAuth(credentials, "sts", region, expires=60).add_auth(request)
    assert request.url is not None
    return V1_PREFIX + base64.urlsafe_b64encode(request.url.encode()).decode().rstrip("=")

"""The AWS identity behind an EKS token: a presigned GetCallerIdentity URL, checked and answered.

Source of the checks, their order and their words: aws-iam-authenticator, `pkg/token/token.go`. What follows them
there is a request to STS; here moto's STS and IAM, which live in this process, are asked for the secret, and the URL
is signed again and compared, because moto itself verifies no signature.
"""

import base64
import binascii
import datetime
import functools
import hmac
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

import botocore.loaders
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from sandbox.eks_token import CLUSTER_HEADER, V1_PREFIX

_LONGEST = 4096
_VALID_FOR = datetime.timedelta(minutes=15)
_CLOCK_SKEW = datetime.timedelta(minutes=5)
_PARAMETERS = frozenset(
    {
        "action",
        "version",
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
    }
)


class Refused(Exception):  # noqa: N818 (the name that the API server's side uses)
    """A token is not accepted; str() is the reason."""


@dataclass(frozen=True)
class CallerIdentity:
    """What `sts:GetCallerIdentity` answers, and the key that asked.

    Attributes:
        arn: ARN as STS tells it: for a role that of the assumed session.
        account_id: Account number.
        user_id: Unique id of the user or role, without the session.
        session_name: Session of an assumed role, else empty. For an EC2 instance its instance id.
        access_key_id: The access key that signed.
    """

    arn: str
    account_id: str
    user_id: str
    session_name: str
    access_key_id: str


@dataclass(frozen=True)
class _AccessKey:
    secret: str
    token: str
    expires: datetime.datetime | None
    arn: str
    account_id: str
    unique_id: str


class PresignedIdentity:
    """Verifies tokens for one cluster.

    Args:
        cluster_name: The token must be signed with `x-k8s-aws-id` of this value.
        loopback_hosts: `host:port` of the sandbox's own STS endpoints: what stock tools sign for when
            `AWS_ENDPOINT_URL` names the sandbox. Only there plain http is let through. Asked at every call.
    """

    def __init__(self, cluster_name: str, loopback_hosts: Callable[[], Collection[str]]) -> None:
        self._cluster_name = cluster_name
        self._loopback_hosts = loopback_hosts

    def verify(self, token: str) -> CallerIdentity:
        """Check a token and tell who signed it.

        Raises:
            Refused: The token is malformed, expired, for another cluster, or not signed by a known key.
        """
        url = _decode(token)
        parts = urlsplit(url)
        loopback = parts.netloc in self._loopback_hosts()
        if parts.scheme != "https" and not (loopback and parts.scheme == "http"):
            raise _malformed(f'unexpected scheme "{parts.scheme}" in pre-signed URL')
        if not loopback and parts.netloc not in standard_sts_hosts():
            raise _malformed(f'unexpected hostname "{parts.netloc}" in pre-signed URL')
        if parts.path != "/":
            raise _malformed("unexpected path in pre-signed URL")
        parameters = _parameters(parts.query)
        signed_at = _check_parameters(parameters)
        return self._ask_sts(url, parameters, signed_at)

    def _ask_sts(self, url: str, parameters: dict[str, str], signed_at: datetime.datetime) -> CallerIdentity:
        """What STS would answer to the presigned request, sent with this cluster's name in the header."""
        scope = parameters.get("x-amz-credential", "").split("/")
        if len(scope) != 5 or scope[3:] != ["sts", "aws4_request"]:
            raise _sts_error("SignatureDoesNotMatch", "Credential should be scoped to correct service: 'sts'.")
        key = _access_key(scope[0])
        if key is None or key.token != parameters.get("x-amz-security-token", ""):
            raise _sts_error("InvalidClientTokenId", "The security token included in the request is invalid.")
        now = datetime.datetime.now(datetime.UTC)
        if key.expires is not None and now > key.expires:
            raise _sts_error("ExpiredToken", "The security token included in the request is expired")
        if signed_at > now + _CLOCK_SKEW:
            raise _sts_error("SignatureDoesNotMatch", f"Signature not yet current: {signed_at} is still later")
        expected = self._signature(url, parameters, Credentials(scope[0], key.secret), scope[2])
        if not hmac.compare_digest(expected, parameters.get("x-amz-signature", "")):
            raise _sts_error(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
                "Access Key and signing method. Consult the service documentation for details.",
            )
        unique_id, _, session_name = key.unique_id.partition(":")
        return CallerIdentity(key.arn, key.account_id, unique_id, session_name, scope[0])

    def _signature(self, url: str, parameters: dict[str, str], credentials: Credentials, region: str) -> str:
        """Sign the URL again, with the headers that the authenticator really sends."""
        parts = urlsplit(url)
        query = [pair for pair in parse_qsl(parts.query, True) if pair[0].lower() != "x-amz-signature"]
        unsigned = parts._replace(query=urlencode(query)).geturl().replace("+", "%20")
        sent = {"host": parts.netloc, CLUSTER_HEADER: self._cluster_name, "accept": "application/json"}
        headers = {
            name: sent[name]
            for name in parameters["x-amz-signedheaders"].lower().split(";")
            if name in sent and name != "host"
        }
        request = AWSRequest(method="GET", url=unsigned, headers=headers)
        request.context["timestamp"] = parameters["x-amz-date"]
        signer = SigV4QueryAuth(credentials, "sts", region)
        text = signer.string_to_sign(request, signer.canonical_request(request))
        return str(signer.signature(text, request))


@functools.cache
def standard_sts_hosts() -> frozenset[str]:
    """The STS host names of the public partition: global, regional and FIPS.

    aws-iam-authenticator takes them from the AWS SDK's endpoint table (`stsHostsForPartition`); botocore carries the
    same table. A private STS interface endpoint (`vpce-...`) is not among them.
    """
    partitions = botocore.loaders.Loader().load_data("endpoints")["partitions"]
    partition = next(each for each in partitions if each["partition"] == "aws")
    service = partition["services"]["sts"]
    template, suffix = partition["defaults"]["hostname"], partition["dnsSuffix"]
    hosts = {
        endpoint.get("hostname", template.format(service="sts", region=name, dnsSuffix=suffix))
        for name, endpoint in service["endpoints"].items()
    }
    regional = {
        template.format(service="sts", region=name, dnsSuffix=suffix)
        for name in service["endpoints"]
        if re.match(partition["regionRegex"], name)
    }
    return frozenset(hosts | regional)


def _decode(token: str) -> str:
    if len(token) > _LONGEST:
        raise _malformed("token is too large")
    if not token.startswith(V1_PREFIX):
        raise _malformed(f'token is missing expected "{V1_PREFIX}" prefix')
    encoded = token.removeprefix(V1_PREFIX)
    if not re.fullmatch(r"[A-Za-z0-9_-]*", encoded):
        position = re.match(r"[A-Za-z0-9_-]*", encoded)
        raise _malformed(f"illegal base64 data at input byte {position.end() if position else 0}")
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise _malformed(str(error)) from error


def _parameters(query: str) -> dict[str, str]:
    lowered: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name.lower() not in _PARAMETERS:
            raise _malformed(f'non-whitelisted query parameter "{name}"')
        if name.lower() in lowered:
            raise _malformed("query parameter with multiple values not supported")
        lowered[name.lower()] = value
    return lowered


def _check_parameters(parameters: dict[str, str]) -> datetime.datetime:
    """The authenticator's checks before it asks STS; gives when the URL was signed."""
    if parameters.get("action") != "GetCallerIdentity":
        raise _malformed("unexpected action parameter in pre-signed URL")
    if CLUSTER_HEADER not in parameters.get("x-amz-signedheaders", "").lower().split(";"):
        raise _malformed(f"client did not sign the {CLUSTER_HEADER} header in the pre-signed URL")
    expires = parameters.get("x-amz-expires", "")
    if not re.fullmatch(r"[+-]?\d+", expires) or not 0 <= int(expires) <= 900:
        raise _malformed(f"invalid X-Amz-Expires parameter in pre-signed URL: {expires or 0}")
    date = parameters.get("x-amz-date", "")
    if not date:
        raise _malformed("X-Amz-Date parameter must be present in pre-signed URL")
    try:
        signed_at = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    except ValueError as error:
        raise _malformed(f"error parsing X-Amz-Date parameter {date} into format 20060102T150405Z: {error}") from error
    if datetime.datetime.now(datetime.UTC) > signed_at + _VALID_FOR:
        raise _malformed(f"X-Amz-Date parameter is expired (15 minute expiration) {signed_at}")
    return signed_at


def _access_key(access_key_id: str) -> _AccessKey | None:
    for account in list(sts_backends):
        for session in reversed(sts_backends[account]["aws"].assumed_roles):
            if session.access_key_id == access_key_id:
                return _AccessKey(
                    secret=session.secret_access_key,
                    token=session.session_token,
                    expires=session.expiration.replace(tzinfo=datetime.UTC),
                    arn=session.arn,
                    account_id=session.account_id,
                    unique_id=session.user_id,
                )
    for account in list(iam_backends):
        for user in iam_backends[account]["aws"].users.values():
            for key in user.access_keys:
                if key.access_key_id == access_key_id and key.status == "Active":
                    return _AccessKey(key.secret_access_key, "", None, user.arn, account, user.id)
    return None


def _malformed(reason: str) -> Refused:
    return Refused(f"input token was not properly formatted: {reason}")


def _sts_error(code: str, message: str) -> Refused:
    return Refused(
        f"sts getCallerIdentity failed: error from AWS (expected 200, got 403). Body: {{"
        f'"Error":{{"Code":"{code}","Message":"{message}","Type":"Sender"}}}}'
    )

"""boto3 clients as a private account needs them: endpoints per service, own CA, roles that renew.

prefect-aws drops the endpoint and the CA bundle for the STS call behind `assume_role_arn`, assumes the role once
(static keys, an hour), and knows a single endpoint for all services; hence this session beside its block.
"""

import ipaddress
import os
import threading
import uuid
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    Credentials,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import NoCredentialsError
from botocore.httpsession import URLLib3Session
from botocore.loaders import Loader, create_loader
from botocore.model import ServiceId
from botocore.signers import RequestSigner
from botocore.utils import get_environ_proxies
from prefect_aws import AwsCredentials

# Suffixes of the public endpoints by partition (botocore's endpoints.json); others are as in `aws`.
DNS_SUFFIXES = {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu"}

# Variables that say who calls: those of this process would win over the block's, or be mixed with them.
IDENTITY = frozenset(
    {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"}
)

DEFAULTS = Config(
    retries={"mode": "standard", "total_max_attempts": 5},
    # Times 5 attempts, times 2 of the task: a missing interface endpoint is told within about a minute.
    connect_timeout=5,
    read_timeout=60,
    max_pool_connections=50,
    user_agent_extra="batch-eks-flows",
)


class AwsSession:
    """Makes and keeps one boto3 client per service; safe to share between threads.

    Args:
        credentials: The block with keys, profile, region, role to assume and client parameters.
        endpoint_urls: An endpoint by service name (`batch`, `eks`, `sts`, ...). It wins over the block's single
            endpoint, which wins over AWS_ENDPOINT_URL_<SERVICE> and AWS_ENDPOINT_URL.
    """

    def __init__(self, credentials: AwsCredentials, endpoint_urls: Mapping[str, str] | None = None) -> None:
        self._block = credentials
        self._endpoint_urls = dict(endpoint_urls or {})
        self._lock = threading.RLock()
        self._clients: dict[tuple[str, bool], Any] = {}
        self._core = self._signed_in()

    @property
    def region(self) -> str:
        """The region of the block, else of the environment or profile; empty where none is set."""
        return str(self._core.get_config_variable("region") or "")

    @property
    def ca_bundle(self) -> str:
        """File of certificate authorities for AWS calls: the block's, AWS_CA_BUNDLE, the profile's; empty for none."""
        path = self._block.aws_client_parameters.verify_cert_path
        return str(path or self._core.get_config_variable("ca_bundle") or "")

    def client(self, service: str, *, once: bool = False) -> Any:
        """A client of a service.

        Args:
            service: boto3's name of it, such as `batch`.
            once: Make a single attempt a call, for calls that must not be sent twice (SubmitJob has no
                idempotency token). Otherwise botocore's standard mode repeats what it may up to 5 times.
        """
        with self._lock:
            if (service, once) not in self._clients:
                self._clients[service, once] = self._make_client(self._core, service, once)
            return self._clients[service, once]

    def environment(self) -> dict[str, str]:
        """Environment variables with which another program calls AWS as this session does.

        Keys are given only where the block holds them or a role to assume, freshly assumed then, since the program
        cannot renew them. Otherwise it finds and renews what this process has by the same rules (profile, role of the
        instance or pod).
        """
        who = self._keys() or ({"AWS_PROFILE": self._block.profile_name} if self._block.profile_name else {})
        inherited = {name: value for name, value in os.environ.items() if not (who and name in IDENTITY)}
        single = self._block.aws_client_parameters.endpoint_url
        where = {"AWS_REGION": self.region, "AWS_CA_BUNDLE": self.ca_bundle, "AWS_ENDPOINT_URL": single or ""}
        for service, url in self._endpoint_urls.items():
            identifier = self.client(service).meta.service_model.service_id
            where[f"AWS_ENDPOINT_URL_{identifier.upper().replace(' ', '_')}"] = url
        return inherited | who | {name: value for name, value in where.items() if value}

    def _keys(self) -> dict[str, str]:
        block = self._block
        if not (block.assume_role_arn or (block.aws_access_key_id and block.aws_secret_access_key)):
            return {}
        credentials = self._signed_in().get_credentials()
        if credentials is None:
            raise NoCredentialsError
        keys = credentials.get_frozen_credentials()
        token = {"AWS_SESSION_TOKEN": str(keys.token)} if keys.token else {}
        return {"AWS_ACCESS_KEY_ID": str(keys.access_key), "AWS_SECRET_ACCESS_KEY": str(keys.secret_key)} | token

    def endpoint_url(self, service: str) -> str:
        """Where a service is called."""
        return str(self.client(service).meta.endpoint_url)

    def reach(self, service: str, seconds: float) -> None:
        """Ask a service's endpoint once, unsigned; whatever it answers proves that it is reached.

        Args:
            service: boto3's name of it.
            seconds: How long connecting, and then the answer, may take.

        Raises:
            BotoCoreError: If it is not reached.
        """
        url = self.endpoint_url(service)
        proxies = self.client(service).meta.config.proxies or get_environ_proxies(url)
        # botocore takes a file and a fraction of a second too; its stubs do not say so.
        options: dict[str, Any] = {"verify": self.ca_bundle or True, "timeout": seconds}
        http = URLLib3Session(proxies=proxies, **options)
        try:
            http.send(AWSRequest("GET", url).prepare())
        finally:
            http.close()

    def presign_identity(self, cluster_name: str) -> str:
        """A presigned GetCallerIdentity URL, the secret inside an EKS bearer token; nothing is sent.

        It is made out for the region's public STS name whatever STS endpoint is set, since the authenticator of EKS
        accepts no other (aws-iam-authenticator: "unexpected hostname in pre-signed URL"). Only a loopback
        endpoint, which no real cluster has, is kept.
        """
        credentials = self._core.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        events = self._core.get_component("event_emitter")
        signer = RequestSigner(ServiceId("STS"), self.region, "sts", "v4", credentials, events)
        request = {
            "method": "GET",
            "url": f"{self._token_endpoint()}/?Action=GetCallerIdentity&Version=2011-06-15",
            "body": {},
            "headers": {"x-k8s-aws-id": cluster_name},
            "context": {},
        }
        return str(signer.generate_presigned_url(request, region_name=self.region, expires_in=60, operation_name=""))

    def _token_endpoint(self) -> str:
        configured = str(self.client("sts").meta.endpoint_url).rstrip("/")
        if is_loopback(configured):
            return configured
        partition = self._core.get_partition_for_region(self.region)
        return f"https://sts.{self.region}.{DNS_SUFFIXES.get(partition, 'amazonaws.com')}"

    def _signed_in(self) -> botocore.session.Session:
        block = self._block
        core = _new_session(block.profile_name)
        if block.region_name:
            core.set_config_variable("region", block.region_name)
        if block.aws_access_key_id and block.aws_secret_access_key:
            secret = block.aws_secret_access_key.get_secret_value()
            core.set_credentials(block.aws_access_key_id, secret, block.aws_session_token)
        return self._assumed(core, block.assume_role_arn) if block.assume_role_arn else core

    def _assumed(self, source: botocore.session.Session, role_arn: str) -> botocore.session.Session:
        """A session of the role to assume; botocore assumes it again before its keys expire."""
        extra = self._block.assume_role_kwargs.get_params_override()
        fetcher = AssumeRoleCredentialFetcher(
            lambda service, **_source_keys: self._make_client(source, service, once=False),
            source.get_credentials(),
            role_arn,
            extra_args={"RoleSessionName": f"prefect-{uuid.uuid4().hex[:8]}"} | extra,
        )
        core = _new_session(self._block.profile_name)
        core.set_config_variable("region", source.get_config_variable("region"))
        core.get_component("credential_provider").insert_before("env", _AssumedRole(fetcher.fetch_credentials))
        return core

    def _make_client(self, core: botocore.session.Session, service: str, once: bool) -> Any:
        parameters: dict[str, Any] = self._block.aws_client_parameters.get_params_override()
        endpoint = self._endpoint_urls.get(service) or parameters.pop("endpoint_url", None)
        parameters.pop("endpoint_url", None)
        config = DEFAULTS.merge(parameters.pop("config", None) or Config())
        if once:
            config = config.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
        session: Any = boto3.Session(botocore_session=core)
        return session.client(service, endpoint_url=endpoint, config=config, **parameters)


def _new_session(profile: str | None) -> botocore.session.Session:
    core = botocore.session.Session(profile=profile)
    core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
    return core


@cache
def _loader(data_path: str | None) -> Loader:
    """One for all sessions: each would read the documents of every API again, a tenth of a second for a client."""
    return create_loader(data_path)


class _AssumedRole(CredentialProvider):
    """Gives botocore the assumed role as the first place to look for credentials."""

    METHOD = "assume-role-of-block"

    def __init__(self, fetch: Callable[[], dict[str, Any]]) -> None:
        super().__init__()
        self._fetch = fetch

    def load(self) -> Credentials:
        """Keys that are fetched when first needed, and again before they expire."""
        return DeferredRefreshableCredentials(self._fetch, self.METHOD)


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine itself."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

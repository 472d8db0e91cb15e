"""The account's private ECR registry: its host, where it is reached, and who we are there."""

import base64
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from blocks.eks_cluster import EksCluster
from registry.client import RegistryClient
from registry.credentials import Basic, Credential, CredentialProvider, anonymous
from registry.docker_config import DockerConfig
from registry.hosts import Hosts
from registry.streams import Streams

# ECR's tokens live for 12 hours (GetAuthorizationToken); an old one is replaced an hour early, or halfway where it
# lives for less. Where that fails it stays in use, and is tried again after a minute.
EARLY_SECONDS = 3600
AGAIN_SECONDS = 60

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html; the second form is that of the dual-stack
# endpoints (ecr-requests.html). Suffixes as botocore's endpoints.json has them.
_ECR_HOST = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(-fips)?\.(?P<region>[a-z0-9-]+)"
    r"\.(amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|on\.aws|on\.amazonwebservices\.com\.cn)"
)


def is_ecr(host: str) -> bool:
    """Whether a registry is the private ECR of some account and region."""
    return _ECR_HOST.fullmatch(host) is not None


class PrivateRegistry:
    """Signs in to the private registry, and to public ones as `docker login` did.

    Its clients share threads and connections, which bounds what many copies of a run take together, and lets one image
    mount the layers that another brought.

    Args:
        cluster: Gives the ECR client; the registry is that of the cluster's account and region.
        clock: Seconds since the epoch.
    """

    def __init__(self, cluster: EksCluster, clock: Callable[[], float] = time.time) -> None:
        self._cluster = cluster
        self._clock = clock
        self._streams = Streams(ca_file=cluster.session.ca_bundle)
        self._lock = threading.Lock()
        self._credential = Basic("", "")
        self._renew_at = 0.0
        self._expires_at = 0.0
        self._endpoint = ""

    @property
    def host(self) -> str:
        """The host in the references of its images."""
        self._renew()
        return urlsplit(self._endpoint).netloc

    def is_called(self, host: str) -> bool:
        """Whether a host in a reference means this registry: its own, or another of its account and region.

        Args:
            host: The host.
        """
        if host == self.host:
            return True
        named = _ECR_HOST.fullmatch(host)
        return named is not None and (named["account"], named["region"]) == (
            self._cluster.account_id,
            self._cluster.region,
        )

    def client(self) -> RegistryClient:
        """A client for copies between public registries and this one.

        REGISTRY_HOSTS (`name=https://address,...`) redirects hosts, as containerd's registry hosts do; this registry's
        own too, such as to an interface endpoint without private DNS.
        """
        hosts = Hosts.parse(os.environ.get("REGISTRY_HOSTS", ""))
        endpoints = MappingProxyType({self.host: self._endpoint, **hosts.endpoints})
        return RegistryClient(replace(hosts, endpoints=endpoints), self._credential_for, streams=self._streams)

    def _credential_for(self, host: str, repository: str) -> Credential | None:
        if host == self.host:
            return self._credential
        return self._logins(host, repository)

    @cached_property
    def _logins(self) -> CredentialProvider:
        """What `docker login` left: read once, since its credential helpers keep their answers for a while."""
        path = DockerConfig.default_path()
        return DockerConfig.read(path) if path.is_file() else anonymous

    def _renew(self) -> None:
        with self._lock:
            now = self._clock()
            if now < self._renew_at:
                return
            try:
                answer = self._cluster.ecr.get_authorization_token()["authorizationData"][0]
            except (ClientError, BotoCoreError):
                if now >= self._expires_at:
                    raise
                self._renew_at = now + AGAIN_SECONDS
                return
            username, _, password = base64.b64decode(answer["authorizationToken"]).decode().partition(":")
            self._credential = Basic(username, password)
            self._endpoint = answer["proxyEndpoint"].rstrip("/")
            self._expires_at = answer["expiresAt"].timestamp()
            self._renew_at = max(self._expires_at - EARLY_SECONDS, (now + self._expires_at) / 2)

"""The sandbox: AWS, Kubernetes, nodes and registries, wired together."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from moto.core.base_backend import BackendDict
from moto.moto_api._internal import mock_random

from sandbox.authenticator import Authenticator, Identity
from sandbox.aws import ecr, policy_simulation, vpc_endpoints
from sandbox.aws.access_entries import AccessEntries, AccessEntry
from sandbox.aws.access_entry_operations import AccessEntryOperations
from sandbox.aws.access_policies import AccessPolicyAuthorizer
from sandbox.aws.account import Account, AccountSeeder
from sandbox.aws.addons import Addons
from sandbox.aws.batch.service import Batch
from sandbox.aws.calls import AwsCall
from sandbox.aws.eks import ClusterAddress, EksClusters
from sandbox.aws.instances import private_dns_name
from sandbox.aws.pod_identity import PodIdentity
from sandbox.aws.server import AwsServer
from sandbox.certificate_authority import CertificateAuthority
from sandbox.control_routes import ControlRoutes
from sandbox.core_dns import core_dns
from sandbox.environment import UPSTREAM_HOST, Addresses, write_files
from sandbox.guardian import Guardian
from sandbox.kubernetes.client import ApiClient, ApiError
from sandbox.kubernetes.control_plane import ASSETS_VARIABLE, control_plane
from sandbox.names import ADMIN_ARN, CLUSTER_NAME, DOCKER_HUB, DOCKER_HUB_LOGIN, NODE_GROUP_ROLE, role_arn
from sandbox.nodes import Nodes
from sandbox.presigned_identity import PresignedIdentity
from sandbox.registries.image_pull import ImagePuller
from sandbox.registries.registry import PrivateRegistry, UpstreamRegistry
from sandbox.unreachable import Unreachable

_AWS_AUTH = "/api/v1/namespaces/kube-system/configmaps"
_DEPLOYMENTS = "/apis/apps/v1/namespaces/kube-system/deployments"
_SEEDING_ATTEMPTS = 3
# What EKS writes when a managed node group is created (EKS user guide, auth-configmap).
_MAP_ROLES = f"""\
- groups:
  - system:bootstrappers
  - system:nodes
  rolearn: {role_arn(NODE_GROUP_ROLE)}
  username: system:node:{{{{EC2PrivateDNSName}}}}
"""


class Sandbox:
    """A private EKS cluster in an AWS account, on loopback, in this process.

    One at a time in a process: moto's state belongs to the process.

    Args:
        state_dir: Directory for its files; made if missing. What it keeps for itself lies in `.sandbox` there.
        control_plane: Which Kubernetes API server runs; `auto` is the real one iff `KUBEBUILDER_ASSETS` is set.

    Attributes:
        account: The seeded account; the same after each reset.
    """

    account: Account

    def __init__(self, state_dir: Path, *, control_plane: Literal["embedded", "real", "auto"] = "auto") -> None:
        self._state_dir = state_dir
        self._own_dir = state_dir / ".sandbox"
        real = control_plane == "real" or (control_plane == "auto" and bool(os.environ.get(ASSETS_VARIABLE)))
        self._kind: Literal["embedded", "real"] = "real" if real else "embedded"
        self._started = contextlib.ExitStack()
        self._random_seed = secrets.randbits(64)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything and write the files; on failure nothing stays behind."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything, in the reverse order of starting."""
        self._started.close()

    def description(self) -> dict[str, Any]:
        """What `python -m sandbox up` prints when it is ready."""
        return {
            "aws_endpoint": self._addresses.aws,
            "internet_endpoint": self._addresses.aws_from_internet,
            "kubernetes_endpoint": self._addresses.kubernetes,
            "upstream_registry": self._addresses.upstream_registry,
            "private_registry": self._addresses.private_registry,
            "control_plane": self._kind,
            "cluster": CLUSTER_NAME,
            "state_dir": str(self._state_dir),
            "pid": os.getpid(),
        }

    def reset(self) -> None:
        """Back to the state just after the start. Addresses, credentials and identifiers stay the same."""
        self._server.reset()

    def _start(self) -> None:
        # What a sandbox that was killed has left there would not be the seeded state.
        shutil.rmtree(self._own_dir, ignore_errors=True)
        self._own_dir.mkdir(parents=True)
        self._started.callback(shutil.rmtree, self._own_dir, ignore_errors=True)
        authority = CertificateAuthority(self._own_dir)
        guardian = Guardian()
        guardian.start()
        self._started.callback(guardian.stop)
        unreachable = Unreachable()
        self._started.callback(unreachable.close)
        self._start_registries(unreachable)
        self._server = AwsServer(self._own_dir)
        self._control_plane = control_plane(
            self._kind,
            self._own_dir,
            authority,
            self._authenticate,
            AccessPolicyAuthorizer(self._access_entry).authorize,
        )
        self._server.start()
        self._seeder = AccountSeeder(self._server.url)
        self._started.callback(self._server.stop)
        self._started.callback(self._control_plane.stop)
        self._control_plane.start()
        self._admin = ApiClient(self._control_plane.url, authority.ca_file, self._control_plane.admin_token)
        self._started.callback(self._admin.close)
        self._addresses = Addresses(
            aws=self._server.url,
            aws_from_internet=self._server.internet_url,
            kubernetes=self._control_plane.url,
            upstream_registry=self._upstream.address,
            private_registry=self._private.address,
            private_registry_from_vpc=self._private.vpc_address,
            unreachable=unreachable.address,
        )
        self._nodes = Nodes(
            self._own_dir,
            authority,
            guardian,
            ImagePuller(self._private),
            api_url=lambda: self._control_plane.url,
            admin_token=lambda: self._control_plane.admin_token,
        )
        self._nodes.start()
        self._started.callback(self._nodes.stop)
        self._assemble_aws(authority, guardian)
        self._server.reset()
        write_files(self._state_dir, self._addresses, self.account, authority.ca_pem)

    def _start_registries(self, unreachable: Unreachable) -> None:
        self._upstream = UpstreamRegistry(self._own_dir)
        self._docker_hub = UpstreamRegistry(self._own_dir / "docker-hub", login=DOCKER_HUB_LOGIN)
        self._private = PrivateRegistry(self._own_dir)
        for registry in (self._upstream, self._docker_hub, self._private):
            registry.start()
            self._started.callback(registry.stop)
        self._private.pull_through.endpoints = {
            UPSTREAM_HOST: f"http://{self._upstream.address}",
            DOCKER_HUB: f"http://{self._docker_hub.address}",
        }
        self._private.pull_through.no_route = unreachable.address

    def _assemble_aws(self, authority: CertificateAuthority, guardian: Guardian) -> None:
        address = ClusterAddress(
            endpoint=self._addresses.kubernetes,
            ca_pem=authority.ca_pem,
            endpoint_from_internet=f"https://{self._addresses.unreachable}",
        )
        self._entries = AccessEntries(self._server.settings)
        self._server.before_reset(self._entries.reset)
        self._clusters = EksClusters(address, self._server.settings, self._entries.forget)
        self._clusters.install(self._server)
        AccessEntryOperations(self._clusters, self._entries).install(self._server)
        addons = Addons(self._clusters, self._server.settings)
        addons.install(self._server)
        PodIdentity(self._clusters, addons).install(self._server)
        self._authenticator = Authenticator(
            PresignedIdentity(CLUSTER_NAME, self._loopback_hosts),
            creator_arn=ADMIN_ARN,
            aws_auth=self._aws_auth,
            private_dns_name=private_dns_name,
            authentication_mode=lambda: self._clusters.authentication_mode(CLUSTER_NAME),
            access_entry=self._access_entry,
        )
        ecr.install(self._server, self._private)
        policy_simulation.install()
        vpc_endpoints.install(lambda: self._server.settings.vpc_endpoint_delay)
        self._server.log.add_source(self._kubernetes_calls)
        self._server.log.add_source(self._registry_calls)
        ControlRoutes(self._nodes, self._clusters, self._control_plane, authority.ca_file).install(self._server)
        self._server.before_reset(self._nodes.reset)
        self._server.after_reset(self._upstream.reset)
        self._server.after_reset(self._docker_hub.reset)
        self._server.after_reset(self._seed)
        batch = Batch(
            self._server,
            self._nodes,
            self._clusters,
            self._entries,
            self._control_plane,
            authority.ca_file,
            guardian,
        )
        batch.start()
        self._started.callback(batch.stop)

    def _seed(self) -> None:
        """Fill the empty account and the empty cluster.

        moto draws its identifiers from one random source, so that the same seed gives the same ones: what env.sh says
        stays true. A request that is answered meanwhile would spoil the sequence; then it is done again.
        """
        self._control_plane.reset()
        for _ in range(_SEEDING_ATTEMPTS):
            mock_random.seed(self._random_seed)
            account = self._seeder.fill()
            if getattr(self, "account", account) == account:
                break
            BackendDict.reset()
        else:
            raise RuntimeError("The sandbox could not be reset: requests kept coming in while it was seeded.")
        self.account = account
        mock_random.seed(secrets.randbits(64))
        document = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "aws-auth", "namespace": "kube-system"},
            "data": {"mapRoles": _MAP_ROLES},
        }
        self._admin.post(_AWS_AUTH, document)
        self._admin.post(_DEPLOYMENTS, core_dns())

    def _authenticate(self, token: str) -> Identity:
        return self._authenticator.authenticate(token)

    def _access_entry(self, arn: str) -> AccessEntry | None:
        if self._clusters.authentication_mode(CLUSTER_NAME) == "CONFIG_MAP":
            return None
        return self._entries.effective(CLUSTER_NAME, arn)

    def _loopback_hosts(self) -> set[str]:
        return {urlsplit(url).netloc for url in (self._server.url, self._server.internet_url)}

    def _aws_auth(self) -> dict[str, str]:
        try:
            return self._admin.get(f"{_AWS_AUTH}/aws-auth").get("data") or {}
        except ApiError as error:
            if error.status == 404:
                return {}
            raise

    def _kubernetes_calls(self) -> Iterable[AwsCall]:
        for call in self._control_plane.calls():
            operation = f"{call.verb} {call.path}"
            yield AwsCall("kubernetes", operation, call.mutating, call.status, call.user, call.time)

    def _registry_calls(self) -> Iterable[AwsCall]:
        for call in self._private.calls.all():
            # Everybody logs in as AWS; whose token it was the registry does not tell.
            yield AwsCall("registry", f"{call.method} {call.path}", call.mutating, call.status, "AWS", call.at)

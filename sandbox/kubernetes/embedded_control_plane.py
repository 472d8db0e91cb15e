"""The embedded control plane: the API server in a thread of its own, behind TLS."""

import asyncio
import secrets
import ssl
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from aiohttp import web

from sandbox.authenticator import Identity
from sandbox.certificate_authority import CertificateAuthority
from sandbox.kubernetes.admission import Admission
from sandbox.kubernetes.api_server import ApiServer
from sandbox.kubernetes.authentication import ADMIN, Authentication
from sandbox.kubernetes.bootstrap import bootstrap
from sandbox.kubernetes.control_plane import ApiCall
from sandbox.kubernetes.delete_options import DeleteOptions
from sandbox.kubernetes.faults import Faults
from sandbox.kubernetes.identity import Attributes, Decision, User, abstain
from sandbox.kubernetes.namespace_lifecycle import NamespaceLifecycle
from sandbox.kubernetes.node_authorizer import NodeAuthorizer
from sandbox.kubernetes.object_registry import ObjectRegistry, WriteOptions
from sandbox.kubernetes.pod_logs import PodLogs
from sandbox.kubernetes.rbac_authorizer import RbacAuthorizer
from sandbox.kubernetes.resource_endpoint import ResourceEndpoint
from sandbox.kubernetes.resources import SERVICE_ACCOUNTS, Resource
from sandbox.kubernetes.store import Store

_CONTROLLER = WriteOptions(ADMIN, "kube-controller-manager")
_HOSTS = ("127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")


class EmbeddedControlPlane:
    """An API server of our own; see `sandbox.kubernetes.control_plane.ControlPlane`.

    Args:
        authority: Issues its certificates.
        authenticate: Tells whose a bearer token is.
        authorize: Decides what the Node authorizer and RBAC do not allow.
    """

    def __init__(
        self,
        authority: CertificateAuthority,
        authenticate: Callable[[str], Identity],
        authorize: Callable[[User, Attributes], Decision] = abstain,
    ) -> None:
        self.admin_token = secrets.token_hex(16)
        self.url = ""
        self._authority = authority
        self._authentication = Authentication(self.admin_token, authenticate)
        self._faults = Faults()
        self._store = Store()
        rbac = RbacAuthorizer(self._store)
        self._objects = ObjectRegistry(self._store, Admission(self._store, rbac), self._follow)
        self._namespaces = NamespaceLifecycle(self._store, self._delete, self._create_account)
        self._endpoint = ResourceEndpoint(
            self._store, self._objects, rbac, self._authentication, PodLogs(self._store, self._kubelet_tls())
        )
        self._server = ApiServer(
            self._authentication, rbac, NodeAuthorizer(self._store), authorize, self._endpoint, self._faults
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="kubernetes-api", daemon=True)
        self._runner: web.AppRunner | None = None

    def start(self) -> None:
        """Start serving on a port of the system's choice."""
        bootstrap(self._store)
        self._initial = self._store.objects()
        self._thread.start()
        self._run(self._serve())

    def stop(self) -> None:
        """Stop serving; watches end."""
        if self._thread.is_alive():
            self._run(self._shut_down())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._authentication.close()
        self._loop.close()

    def reset(self) -> None:
        """Put back the objects of the start; forget calls and faults."""
        self._run(self._restore())

    def calls(self) -> list[ApiCall]:
        """Every request since `start` or `reset` that was not the sandbox's own."""
        return list(self._server.calls)

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=30)

    async def _serve(self) -> None:
        # Watches have no end of their own: a client that goes away cancels its handler.
        self._runner = web.AppRunner(
            self._server.application(), handler_cancellation=True, access_log=None, shutdown_timeout=1.0
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._server_tls())
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"https://127.0.0.1:{port}"

    async def _shut_down(self) -> None:
        self._endpoint.closing.set()
        if self._runner is not None:
            await self._runner.cleanup()
        # A watch that was just ending may have left a task that waits for changes.
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _restore(self) -> None:
        self._store.restore(self._initial)
        self._initial = self._store.objects()
        self._faults.clear()
        self._server.calls.clear()

    def _server_tls(self) -> ssl.SSLContext:
        certificate, key = self._authority.issue("kube-apiserver", _HOSTS)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        return context

    def _kubelet_tls(self) -> ssl.SSLContext:
        certificate, key = self._authority.issue("kube-apiserver-kubelet-client", (), organization="system:masters")
        context = ssl.create_default_context(cafile=str(self._authority.ca_file))
        context.load_cert_chain(certificate, key)
        return context

    def _follow(self, namespace: str) -> None:
        self._namespaces.follow(namespace)

    def _delete(self, resource: Resource, namespace: str, name: str) -> None:
        self._objects.delete(resource, namespace, name, DeleteOptions(), _CONTROLLER)

    def _create_account(self, namespace: str) -> None:
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        self._objects.create(SERVICE_ACCOUNTS, namespace, account, _CONTROLLER)

"""The Kubernetes API of a cluster through the official client, with time limits and errors that explain."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import urllib3.exceptions as urllib3_exceptions
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from blocks.bearer_token import token_origin
from blocks.kubernetes_errors import explain_unreachable
from blocks.operation_error import OperationError

CONNECT_SECONDS = 10
READ_SECONDS = 60


class ExplainingApiClient(client.ApiClient):
    """kubernetes' ApiClient, which has no time limit of its own and raises urllib3's errors bare."""

    def call_api(
        self,
        method: str,
        url: str,
        header_params: Any = None,
        body: Any = None,
        post_params: Any = None,
        _request_timeout: Any = None,
    ) -> Any:
        """Send one request.

        Raises:
            OperationError: If the server cannot be reached, with the fix for that way of failing.
        """
        limit = _request_timeout or (CONNECT_SECONDS, READ_SECONDS)
        try:
            return super().call_api(method, url, header_params, body, post_params, limit)
        except urllib3_exceptions.HTTPError as error:
            raise explain_unreachable(error, self.configuration.host) from error
        except ApiException as error:
            # The client turns urllib3's TLS errors, and no others, into an answer of status 0.
            if isinstance(error.__context__, urllib3_exceptions.SSLError):
                raise explain_unreachable(error.__context__, self.configuration.host) from error
            raise

    def response_deserialize(self, response_data: Any, response_types_map: Any = None) -> Any:
        """Read one answer.

        Raises:
            ApiException: If it is a refusal; one of the caller (401) notes where the token came from.
        """
        try:
            return super().response_deserialize(response_data, response_types_map)
        except ApiException as error:
            if error.status == 401 and (origin := token_origin(self._token())):
                error.add_note(origin)
            raise

    def _token(self) -> str:
        # `authorization` is our name for it, `BearerToken` that of the kubeconfig loader.
        keys = self.configuration.api_key
        return str(keys.get("authorization") or keys.get("BearerToken") or "")


def api_client(
    server: str,
    certificate_authority: str,
    token: Callable[[], str],
    *,
    tls_server_name: str = "",
    proxy_url: str = "",
) -> ExplainingApiClient:
    """A client that signs in with a renewed bearer token.

    Args:
        server: URL of the API server.
        certificate_authority: The cluster's CA as DescribeCluster gives it (PEM, base64).
        token: Answers a valid token whenever it is called.
        tls_server_name: The name on the server's certificate where it is called by another one.
        proxy_url: An HTTP or HTTPS proxy on the way to it.
    """
    configuration = client.Configuration(host=server.rstrip("/"))
    configuration.ca_cert_data = base64.b64decode(certificate_authority).decode()
    configuration.api_key = {"authorization": ""}
    configuration.api_key_prefix = {"authorization": "Bearer"}

    def renew(current: client.Configuration) -> None:
        current.api_key["authorization"] = token()

    configuration.refresh_api_key_hook = renew
    return _client(configuration, tls_server_name, proxy_url)


def api_client_from_kubeconfig(
    path: str, context: str = "", *, server: str = "", tls_server_name: str = "", proxy_url: str = ""
) -> ExplainingApiClient:
    """A client as a kubeconfig describes it, for people who reach the cluster with kubectl already.

    Args:
        path: The kubeconfig; `~` is expanded.
        context: A context in it; empty for the current one.
        server: Called instead of the server in the file, such as a port-forward.
        tls_server_name: The name on the server's certificate where it is called by another one.
        proxy_url: A proxy on the way to it.

    Raises:
        OperationError: If the file is missing or is not a kubeconfig with that context.
    """
    configuration = client.Configuration()
    try:
        config.load_kube_config(str(Path(path).expanduser()), context or None, configuration, persist_config=False)
    except (config.ConfigException, OSError) as error:
        raise OperationError(
            f"kubeconfig {path}",
            str(error),
            "it cannot be used",
            "correct `kubeconfig` of the EKS Cluster block",
        ) from error
    if server:
        _call_always(configuration, server.rstrip("/"))
    return _client(configuration, tls_server_name, proxy_url)


def _call_always(configuration: client.Configuration, host: str) -> None:
    """Set the host, and again after each renewal: the loader's hook renews the token and resets the host as well."""
    renew = configuration.refresh_api_key_hook

    def renew_and_keep_host(current: client.Configuration) -> None:
        if renew:
            renew(current)
        current.host = host

    configuration.host = host
    configuration.refresh_api_key_hook = renew_and_keep_host


def _client(configuration: client.Configuration, tls_server_name: str, proxy_url: str) -> ExplainingApiClient:
    # Retries belong to one layer, the task, which knows what can heal.
    configuration.retries = False
    configuration.tls_server_name = tls_server_name or configuration.tls_server_name
    if proxy_url:
        # Like kubectl's proxy-url it is always used: NO_PROXY is for proxies out of the environment.
        configuration.proxy, configuration.no_proxy = proxy_url, None
    return ExplainingApiClient(configuration)

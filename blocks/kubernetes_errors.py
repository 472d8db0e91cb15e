"""What an error of a Kubernetes call means: unreachable in one of six ways, not known, not allowed, or refused."""

import json
import ssl

import urllib3.exceptions as urllib3_exceptions
from kubernetes.client.exceptions import ApiException

from blocks.operation_error import OperationError


def status_reason(error: ApiException) -> str:
    """The machine-readable reason of a Kubernetes Status, such as `AlreadyExists`; empty where there is none."""
    return str(_status(error).get("reason") or "")


def status_message(error: ApiException) -> str:
    """The server's own words."""
    return str(_status(error).get("message") or error.body or error.reason)


def explain_kubernetes(error: ApiException, resource: str) -> OperationError:
    """Turn an answer of the Kubernetes API into an error that says cause and next step.

    Args:
        error: What the client raised.
        resource: What the call was about.

    Returns:
        The error to raise from it. It can heal for 409 Conflict, 429 and 5xx.
    """
    answer = f"the Kubernetes API answered {error.status} {status_reason(error)}: {status_message(error)}".strip()
    if error.status == 401:
        # The client notes where the token came from, if it is one of EKS.
        origin = "".join(f"; it was shown {note}" for note in getattr(error, "__notes__", ()))
        return OperationError(
            resource,
            answer,
            "the cluster does not know the caller: a role that did not create the cluster has no access until it is "
            "mapped, an aws-auth entry whose rolearn still holds a path never matches, and a token counts for 15 "
            f"minutes, made out to the region's public STS name and no interface endpoint{origin}",
            "map the worker's role in aws-auth (without its path) or give it an access entry; renew a kubeconfig's "
            "token, or leave `kubeconfig` empty",
        )
    if error.status == 403 and "attempting to grant RBAC permissions not currently held" in answer:
        return OperationError(
            resource,
            answer,
            "Kubernetes lets nobody grant rights that they do not hold themselves (escalation prevention)",
            "run setup as a cluster administrator, or allow the worker `escalate` on roles and `bind` on bindings",
        )
    if error.status == 403:
        return OperationError(
            resource,
            answer,
            "the caller is known to the cluster but lacks this right",
            "bind a role with the verb and resource that the message names to the worker's user or group",
        )
    can_heal = (
        (error.status == 409 and status_reason(error) == "Conflict")
        or error.status in {429}
        or (error.status or 0) >= 500
    )
    if can_heal:
        return OperationError(
            resource, answer, "the API server is busy or was overtaken", "wait: the call is repeated", True
        )
    return OperationError(
        resource, answer, "the API server refused the object as it stands", "correct what the message names"
    )


def explain_unreachable(error: urllib3_exceptions.HTTPError, server: str) -> OperationError:
    """Tell apart why an API server cannot be reached.

    Args:
        error: What urllib3 raised.
        server: The URL that was tried.

    Returns:
        The error to raise from it; DNS and TLS do not heal by waiting, the others may.
    """
    resource = f"Kubernetes API {server}"
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, urllib3_exceptions.ProxyError):
        return OperationError(
            resource,
            str(reason),
            "the proxy cannot be reached or refuses",
            "check proxy_url of the block",
            True,
        )
    if isinstance(reason, urllib3_exceptions.NameResolutionError):
        return OperationError(
            resource,
            f"DNS: {reason}",
            "the endpoint's name does not resolve here: a private endpoint resolves only with DNS that can see it",
            "run the worker in the cluster's VPC (enableDnsHostnames and enableDnsSupport on) or a connected network, "
            "or set `server` with `tls_server_name` for a bastion or a port-forward",
        )
    refused = isinstance(reason, urllib3_exceptions.NewConnectionError) and "refused" in str(reason)
    if isinstance(reason, urllib3_exceptions.ConnectTimeoutError) and not refused:
        return OperationError(
            resource,
            f"time-out: {reason}",
            "packets are dropped: no route into the VPC, or the cluster security group does not admit this host on 443",
            "admit the worker's security group on 443 in the cluster security group, or run it inside the VPC",
            True,
        )
    if isinstance(reason, urllib3_exceptions.SSLError | ssl.SSLError):
        return OperationError(
            resource,
            f"TLS: {reason}",
            "the certificate is not the cluster's, or is made out to another name than was called",
            "set tls_server_name to the endpoint's own name when calling through a bastion, a port-forward or a proxy",
        )
    if refused:
        return OperationError(
            resource,
            f"refused: {reason}",
            "nothing listens at that address: a port-forward or a bastion that is down, or a wrong port",
            "start the port-forward, or correct `server`",
            True,
        )
    return OperationError(
        resource, f"{type(reason).__name__}: {reason}", "the connection broke in mid-call", "run again", True
    )


def _status(error: ApiException) -> dict[str, object]:
    try:
        status = json.loads(error.body or "{}")
    except ValueError:
        return {}
    return status if isinstance(status, dict) else {}

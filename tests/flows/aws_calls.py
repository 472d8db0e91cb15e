"""What AWS was asked."""

from typing import Any

from sandbox.remote import RemoteSandbox


def aws_calls(sandbox: RemoteSandbox) -> list[dict[str, Any]]:
    """The calls so far but for those to Kubernetes: the cluster's own nodes never rest."""
    return [call for call in sandbox.calls() if call["service"] != "kubernetes"]

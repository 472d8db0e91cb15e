"""What flows ask of a worker's rights in both systems, recorded from the sandbox and without what changes each time."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sandbox.aws.authorization.policy import AuthorizationRequest
from sandbox.kubernetes.identity import Attributes
from sandbox.kubernetes.request_path import RequestPath
from sandbox.remote import RemoteSandbox

FILE = Path(__file__).with_name("recorded_rights.json")
# Identifiers that AWS or a run draws.
_DRAWN = (
    (re.compile(r"\b(vpce|vpc|subnet|sg|rtb)-[0-9a-f]{8,}"), r"\1-0"),
    (re.compile(r"batch-eks-flows-[0-9a-f]+-[0-9a-f]+"), "batch-eks-flows-0-0"),
    (re.compile(r":job/[0-9a-f-]{36}(:\d+)?"), ":job/0"),
    (re.compile(r":log-stream:[^\"]+"), ":log-stream:0"),
    (re.compile(r"(:job-definition/[\w-]+:)\d+"), r"\g<1>1"),
    (re.compile(r"(:addon/[\w-]+/[\w-]+/)[0-9a-f-]{36}"), r"\g<1>0"),
    (re.compile(r"(:podidentityassociation/[\w-]+/)a-\w{17}"), r"\g<1>a-0"),
    (re.compile(r":oidc-provider/([\w./-]+/id/)\w+"), r":oidc-provider/\g<1>0"),
    (re.compile(r"aws-batch\.[0-9a-f-]{36}"), "aws-batch.0"),
)


def recorded() -> dict[str, dict[str, list[Any]]]:
    """The recording: by worker what it asked of IAM (`iam`) and of the cluster (`kubernetes`)."""
    found: dict[str, dict[str, list[Any]]] = json.loads(FILE.read_text())
    return found


def record(sandbox: RemoteSandbox, roles: Iterable[str]) -> dict[str, dict[str, list[Any]]]:
    """What the sandbox has seen since its calls were cleared."""
    asked, calls = sandbox.authorizations(), sandbox.calls()
    return {
        role: {
            "iam": _distinct(
                {key: each[key] for key in ("action", "resource", "context")}
                for each in asked
                if f":assumed-role/{role}/" in each["principal"]
            ),
            "kubernetes": _distinct(
                call["operation"].partition("?")[0]
                for call in calls
                if call["service"] == "kubernetes" and f":assumed-role/{role}/" in call["user"]
            ),
        }
        for role in roles
    }


def request_of(asked: dict[str, Any]) -> AuthorizationRequest:
    """What was asked of IAM."""
    context = {key: tuple(values) for key, values in asked["context"].items()}
    return AuthorizationRequest(asked["action"], asked["resource"], context)


def attributes_of(operation: str) -> Attributes:
    """What the API server asks of a Kubernetes request, such as `GET /api/v1/namespaces/ns/pods`."""
    method, _, url = operation.partition(" ")
    parts = urlsplit(url)
    return RequestPath.parse(method, parts.path, dict(parse_qsl(parts.query))).attributes


def _distinct(found: Iterable[Any]) -> list[Any]:
    texts = set()
    for each in found:
        text = json.dumps(each, sort_keys=True)
        for pattern, name in _DRAWN:
            text = pattern.sub(name, text)
        texts.add(text)
    return [json.loads(text) for text in sorted(texts)]

"""The calls in a real kube-apiserver's audit log."""

import datetime
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sandbox.kubernetes.control_plane import ApiCall

# Not noted: the sandbox itself and the API server's own clients.
_UNNOTED = ("sandbox-admin", "system:apiserver")
_METHODS = {
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
    "deletecollection": "DELETE",
    "get": "GET",
    "list": "GET",
    "watch": "GET",
}


def write_policy(path: Path) -> None:
    """Write the audit policy: one line an answered request, none for the sandbox's own."""
    policy = {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{"level": "None", "users": list(_UNNOTED)}, {"level": "Metadata"}],
    }
    path.write_text(json.dumps(policy))


class AuditLog:
    """An audit log file, read from a position on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._start = 0

    def clear(self) -> None:
        """Forget what has been written so far."""
        self._start = self._path.stat().st_size if self._path.exists() else 0

    def calls(self) -> list[ApiCall]:
        """The calls since the last `clear`; a watch counts from when it began."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as log:
            log.seek(self._start)
            events = [json.loads(line) for line in log.read().splitlines() if line.endswith(b"}")]
        calls: dict[str, ApiCall] = {}
        for event in events:
            calls.setdefault(event["auditID"], _call(event))
        return list(calls.values())


def _call(event: dict[str, Any]) -> ApiCall:
    dry_run = bool(parse_qs(urlsplit(event["requestURI"]).query).get("dryRun"))
    moment = datetime.datetime.fromisoformat(event["stageTimestamp"]).timestamp()
    method = _METHODS.get(event["verb"], event["verb"].upper())
    status = event.get("responseStatus", {}).get("code", 0)
    return ApiCall(moment, event["user"].get("username", ""), method, event["requestURI"], dry_run, status)

"""What a request's path means (`k8s.io/apiserver/pkg/endpoints/request/requestinfo.go`)."""

import re
from dataclasses import dataclass

from sandbox.kubernetes.identity import Attributes

_ONE = re.compile(r"metadata\.name==?([^,=!]+)")
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get", "HEAD": "get"}


@dataclass(frozen=True)
class RequestPath:
    """A path taken apart.

    Attributes:
        attributes: What authorization looks at.
        version: API version; empty for what is no resource.
    """

    attributes: Attributes
    version: str = ""

    @classmethod
    def parse(cls, method: str, path: str, query: dict[str, str]) -> "RequestPath":
        """Take a path apart; anything that is no resource request is a path by itself."""
        parts = [part for part in path.split("/") if part]
        if len(parts) >= 3 and parts[0] == "api":
            group, version, rest = "", parts[1], parts[2:]
        elif len(parts) >= 4 and parts[0] == "apis":
            group, version, rest = parts[1], parts[2], parts[3:]
        else:
            return cls(Attributes(method.lower(), path=path))
        namespace = ""
        if rest[0] == "namespaces" and len(rest) >= 2:
            namespace = rest[1]
            if len(rest) >= 3 and rest[2] not in ("status", "finalize"):
                rest = rest[2:]
        resource, name = rest[0], rest[1] if len(rest) >= 2 else ""
        subresource = rest[2] if len(rest) >= 3 else ""
        verb = _verb(method, name, query)
        if verb in ("list", "watch", "deletecollection") and (one := _ONE.fullmatch(query.get("fieldSelector", ""))):
            name = one[1]
        return cls(Attributes(verb, group, resource, subresource, namespace, name, path), version)


def _verb(method: str, name: str, query: dict[str, str]) -> str:
    verb = _VERBS.get(method, "")
    if name:
        return verb
    if verb == "get":
        return "watch" if query.get("watch", "").lower() in ("1", "true", "t") else "list"
    return "deletecollection" if verb == "delete" else verb

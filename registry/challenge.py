"""The WWW-Authenticate header of a 401 (RFC 7235, and the Docker token specification)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_PARAMETER = re.compile(r'([a-zA-Z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,\s*|$)')


@dataclass(frozen=True)
class Challenge:
    """How a registry wants to be authenticated to."""

    scheme: str
    parameters: Mapping[str, str]

    @classmethod
    def parse(cls, header: str) -> "Challenge | None":
        """Read a header; None when it asks for a scheme that is not known here."""
        scheme, _, rest = header.strip().partition(" ")
        if scheme.lower() not in ("basic", "bearer"):
            return None
        parameters = {}
        for match in _PARAMETER.finditer(rest):
            quoted, plain = match.group(2), match.group(3)
            value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
            parameters[match.group(1).lower()] = value
        return cls(scheme.lower(), parameters)

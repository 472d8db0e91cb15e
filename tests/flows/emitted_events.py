"""Events that a Prefect server has."""

from typing import Any

import httpx

from demo.prefect_server import PrefectServer


def emitted(server: PrefectServer, prefix: str) -> list[dict[str, Any]]:
    """The events whose names begin with a text, newest first."""
    wanted = {"filter": {"event": {"prefix": [prefix]}, "order": "DESC"}, "limit": 50}
    found: list[dict[str, Any]] = httpx.post(f"{server.env['PREFECT_API_URL']}/events/filter", json=wanted).json()[
        "events"
    ]
    return found

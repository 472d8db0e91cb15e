"""IAM policies out of the table of rights, and the tables that people read."""

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
# IAM quota: characters of a managed policy, white space not counted
# (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
LONGEST = 6144


@functools.cache
def rights() -> dict[str, Any]:
    """The table: of each policy its purpose and its statements, with actions, resources and conditions."""
    table: dict[str, Any] = yaml.safe_load((HERE / "rights.yaml").read_text())
    return table


@functools.cache
def dependent_actions() -> list[dict[str, str]]:
    """Actions beside those that the flows' own calls are named after: `action`, `needed_by` and `source`."""
    actions: list[dict[str, str]] = yaml.safe_load((HERE / "dependent_actions.yaml").read_text())
    return actions


def policy(name: str) -> dict[str, Any]:
    """A policy document, with its placeholders.

    Args:
        name: One of the table, such as `changes`.
    """
    statements = rights()[name]["statements"]
    return {"Version": "2012-10-17", "Statement": [_statement(sid, one) for sid, one in statements.items()]}


def written(document: Mapping[str, Any]) -> str:
    """A document as its file holds it."""
    return json.dumps(document, indent=2) + "\n"


def policy_table() -> str:
    """A Markdown table of all statements."""
    rows = ["| policy | statement | actions | on | if |", "|---|---|---|---|---|"]
    for name, one in rights().items():
        for sid, statement in one["statements"].items():
            actions, resources = _lines(statement["actions"]), _lines(statement["resources"])
            rows.append(f"| `{name}` | {sid} | {actions} | {resources} | {_conditions(statement)} |")
    return "\n".join(rows) + "\n"


def dependent_table() -> str:
    """A Markdown table of the dependent actions."""
    rows = ["| action | needed by | source |", "|---|---|---|"]
    rows += [
        f"| `{one['action']}` | {one['needed_by']} | [{one['source'].rpartition('/')[2]}]({one['source']}) |"
        for one in dependent_actions()
    ]
    return "\n".join(rows) + "\n"


def _statement(sid: str, right: Mapping[str, Any]) -> dict[str, Any]:
    statement = {"Sid": sid, "Effect": "Allow", "Action": right["actions"], "Resource": right["resources"]}
    return statement | ({"Condition": right["conditions"]} if "conditions" in right else {})


def _lines(values: list[str]) -> str:
    return "<br>".join(f"`{value}`" for value in values)


def _conditions(statement: Mapping[str, Any]) -> str:
    return "<br>".join(
        f"`{key}` {operator} {_lines(values if isinstance(values, list) else [values])}"
        for operator, keys in statement.get("conditions", {}).items()
        for key, values in keys.items()
    )

"""The deployments and their flows, read from what is deployed."""

import yaml

from deployments.register import PREFECT_FILE
from docs.symptom import prose


def deployed_flows() -> str:
    """A table of the deployments, and what makes the site show each flow's docstring."""
    deployments = yaml.safe_load(PREFECT_FILE.read_text())["deployments"]
    lines = ["| deployment | flow | work pool | what it does |", "|---|---|---|---|"]
    lines += [
        f"| `{one['name']}` | `{one['entrypoint']}` | `{one['work_pool']['name']}` | {prose(one['description'])} |"
        for one in deployments
    ]
    flows = dict.fromkeys(one["entrypoint"] for one in deployments)
    return "\n".join([*lines, "", *(f"::: {flow}\n" for flow in flows)])

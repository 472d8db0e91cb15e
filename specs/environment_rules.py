"""The rules of environment variables."""

import re
from typing import Any

from specs.fault import Findings
from specs.source import KUBERNETES_API, member
from specs.wire import elements, mapping


def check_environment(variables: Any, path: str, found: Findings) -> None:
    """Check the variables of a container or of an override.

    Args:
        variables: The list of them, of any type.
        path: Where it stands.
        found: Takes what is found.
    """
    seen: set[str] = set()
    for where, variable in elements(variables, path):
        name = mapping(variable).get("name")
        if not isinstance(name, str):
            continue
        if name.startswith("AWS_BATCH"):
            rule = "Variables cannot start with AWS_BATCH, which is Batch's own prefix."
            source = member("EksContainer", "env")
            found.fault(f"{where}.name", name, rule, "Choose another name.", source)
        elif not re.fullmatch(r"[-._a-zA-Z][-._a-zA-Z0-9]*", name):
            rule = "A variable's name has letters, digits, hyphens, underscores and dots, no digit first."
            found.fault(f"{where}.name", name, rule, "Choose another name.", f"{KUBERNETES_API} EnvVar.name")
        if name in seen:
            sentence = f"{name} is set more than once; the last one wins."
            found.warn(f"{where}.name", sentence, f"{KUBERNETES_API} EnvVar")
        seen.add(name)

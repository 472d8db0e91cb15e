"""Looking at command-line tools."""

import re
import shutil
import subprocess
from collections.abc import Mapping

from tasks.preflight.reachability import SECONDS

_COMMANDS = {"eksctl": ("version",), "kubectl": ("version", "--client", "-o", "json")}


def look_at_tools() -> Mapping[str, str]:
    """Version by name of the tools that people use beside the flows; empty for one that is not installed."""
    return {name: _version(name, arguments) for name, arguments in _COMMANDS.items()}


def _version(name: str, arguments: tuple[str, ...]) -> str:
    path = shutil.which(name)
    if path is None:
        return ""
    command = [path, *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603
    found = re.search(r"\d+\.\d+\.\d+", answer.stdout)
    return found.group() if found else ""

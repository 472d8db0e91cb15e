"""Rules of command-line tools; the flows need none, people who follow the tutorial beside them do."""

import re
from collections.abc import Iterator, Mapping

from specs.preflight.rule import Finding, info, rule_of
from specs.source import guide

# Oldest versions: the tutorial for private clusters; of eksctl that for public ones, which uses access entries.
OLDEST = {"eksctl": (0, 167), "kubectl": (1, 23)}


def _versions(tools: Mapping[str, str]) -> Iterator[Finding]:
    for name, version in tools.items():
        oldest = ".".join(map(str, OLDEST[name]))
        if not version:
            yield info(f"{name} is not installed; no flow needs it", f"install {name} {oldest} to try things by hand")
        elif _numbers(version) < OLDEST[name]:
            yield info(f"{name} is {version}, older than {oldest}", f"install {name} {oldest} to try things by hand")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


RULES = (
    rule_of(
        "tools",
        "tools",
        "command-line tools for people are there",
        guide("getting-started-eks-privateclusters"),
        _versions,
    ),
)

"""What a client of AWS Batch is to do, and what it tells of it; read by an interpreter without our requirements too."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

QUEUE, DEFINITION = "My-Eks-JQ1", "MyJobOnEks_Sleep"


@dataclass(frozen=True)
class JobsOrder:
    """Jobs to submit and to wait for.

    Attributes:
        name: What their names begin with.
        jobs: How many.
        script: What each runs in a shell.
        array_size: Of the only job, an array; 0 for separate jobs.
        report: Where the client writes what it has to tell.
    """

    name: str
    jobs: int
    script: str
    array_size: int
    report: str

    def documents(self) -> list[dict[str, Any]]:
        """The jobs as SubmitJob takes them; each takes a quarter of a processor, the least there is."""
        least = {"cpu": "0.25", "memory": "64Mi"}
        container = {
            "command": ["/bin/sh"],
            "args": ["-c", self.script],
            "resources": {"requests": least, "limits": least},
        }
        document: dict[str, Any] = {
            "jobQueue": QUEUE,
            "jobDefinition": DEFINITION,
            "eksPropertiesOverride": {"podProperties": {"containers": [container]}},
        }
        if self.array_size:
            document["arrayProperties"] = {"size": self.array_size}
        return [{"jobName": f"{self.name}-{index}", **document} for index in range(self.jobs)]


def carry_out(work: Callable[[JobsOrder], dict[str, Any]]) -> None:
    """Read the order that the command line names, and write the report: `python -m CLIENT ORDER.json`."""
    order = JobsOrder(**json.loads(Path(sys.argv[1]).read_text()))
    Path(order.report).write_text(json.dumps(work(order)))


def write_order(order: JobsOrder, path: Path) -> None:
    """Write an order down for a client."""
    path.write_text(json.dumps(asdict(order)))

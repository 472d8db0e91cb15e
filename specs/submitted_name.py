"""The name that a job is submitted under: which run, which of its jobs, what was asked for, which attempt.

SubmitJob has no idempotency token, so the name is what tells whether a job was submitted. ListJobs finds all jobs of a
run by one prefix; its filter JOB_NAME knows no case (botocore batch ListJobsRequest.filters), hence lower case.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

_PATTERN = re.compile(r"([0-9a-f]{12})-(\d+)-([0-9a-f]{8})-r(\d+)(?:-(.*))?")
_LONGEST = 128  # botocore batch SubmitJobRequest.jobName


@dataclass(frozen=True)
class SubmittedName:
    """`<run>-<index>-<hash>-r<attempt>-<given name>`, all in lower case.

    Attributes:
        run: The first 12 hexadecimal digits of the Prefect flow run's id.
        index: The job's place in the run's list.
        digest: 8 hexadecimal digits of the hash of what was asked for.
        attempt: 1, and one more each time that the job failed and its run was repeated.
        given: The name that the user gave, for whoever reads it in the console; it may be cut.
    """

    run: str
    index: int
    digest: str
    attempt: int
    given: str = ""

    @classmethod
    def of(cls, run: str, index: int, document: Mapping[str, Any]) -> Self:
        """The name of the first attempt.

        Args:
            run: The flow run's id.
            index: The job's place in the list.
            document: What SubmitJob would be given, `jobName` among it.
        """
        text = json.dumps(document, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        return cls(run_digits(run), index, digest, 1, str(document["jobName"]).lower())

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a name; None for one that these flows did not make."""
        found = _PATTERN.fullmatch(text)
        if found is None:
            return None
        run, index, digest, attempt, given = found.groups()
        return cls(run, int(index), digest, int(attempt), given or "")

    @property
    def next(self) -> Self:
        """The name of the attempt after this one."""
        return replace(self, attempt=self.attempt + 1)

    def __str__(self) -> str:
        """The name as SubmitJob takes it, cut to 128 characters."""
        return f"{self.run}-{self.index}-{self.digest}-r{self.attempt}-{self.given}"[:_LONGEST].rstrip("-")


def run_digits(run_id: str) -> str:
    """What the names of a run's jobs begin with, from the flow run's id."""
    return run_id.replace("-", "")[:12]

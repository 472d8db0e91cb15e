"""Names and ARNs of Batch's resources."""

import re
import time
from dataclasses import dataclass

from sandbox.aws.batch.refusals import client_exception

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_JOB_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,127}")


@dataclass(frozen=True)
class Place:
    """Account and region that resources live in."""

    account: str
    region: str

    def arn(self, kind: str, name: str) -> str:
        """ARN of a resource, such as `arn:aws:batch:us-east-1:123456789012:job-queue/My-Eks-JQ1`."""
        return f"arn:aws:batch:{self.region}:{self.account}:{kind}/{name}"


def check_name(name: str) -> None:
    """Refuse a name outside `[a-zA-Z_0-9-]{1,128}`; text as reported in aws/aws-sdk-js#4280."""
    if not _NAME.fullmatch(name):
        raise client_exception(f"Provided name {name} is not supported pattern[a-zA-Z_0-9-]{{1,128}}")


def is_job_name(name: str) -> bool:
    """Whether a job may have this name: first alphanumeric, at most 128 [B:SubmitJobRequest.jobName]."""
    return bool(_JOB_NAME.fullmatch(name))


def short_name(name_or_arn: str) -> str:
    """Name of a resource given by name or ARN; AWS takes either everywhere."""
    return name_or_arn.rpartition("/")[2] if name_or_arn.startswith("arn:") else name_or_arn


def now_ms() -> int:
    """The present as Batch gives times: milliseconds since the epoch [B:JobDetail.createdAt]."""
    return int(time.time() * 1000)

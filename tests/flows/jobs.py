"""Jobs of tests, and what became of them in AWS Batch."""

import time
from collections import Counter
from typing import Any

from blocks.eks_cluster import EksCluster
from specs.job_request import JobRequest
from specs.submitted_name import SubmittedName
from tasks.job_listing import list_submitted


def shell(name: str, script: str, **more: Any) -> JobRequest:
    containers = [{"command": ["/bin/sh"], "args": ["-c", script]}]
    override = {"eksPropertiesOverride": {"podProperties": {"containers": containers}}}
    queue = {"jobQueue": "My-Eks-JQ1", "jobDefinition": "MyJobOnEks_Sleep"}
    return JobRequest.from_document({"jobName": name, **queue, **override, **more})


def names_in_batch(cluster: EksCluster, *, lag: float = 0) -> Counter[str]:
    """How often each job was submitted, by the names that the users gave; after ListJobs must show every one."""
    time.sleep(lag)
    found: Counter[str] = Counter()
    for summary in list_submitted(cluster, "My-Eks-JQ1", ""):
        if name := SubmittedName.parse(summary["jobName"]):
            found[name.given] += 1
    return found


def end_all(cluster: EksCluster) -> None:
    """End what a test left behind."""
    for summary in list_submitted(cluster, "My-Eks-JQ1", ""):
        cluster.batch.terminate_job(jobId=summary["jobId"], reason="the test is over")

"""Looks all the time at a queue whose compute environment changes, and at the jobs under way."""

import threading
import time
from pathlib import Path
from typing import Any

from blocks.eks_cluster import EksCluster
from tasks.compute_environment_retirement import UNFINISHED, UUID_LABEL
from tasks.job_queue import describe_job_queue

QUEUE = "My-Eks-JQ1"
OPEN = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")


def environments(cluster: EksCluster) -> dict[str, dict[str, Any]]:
    found = cluster.batch.describe_compute_environments()["computeEnvironments"]
    return {one["computeEnvironmentName"]: dict(one) for one in found}


def order_of(cluster: EksCluster, queue: str) -> list[str]:
    found = (describe_job_queue(cluster, queue) or {})["computeEnvironmentOrder"]
    return [entry["computeEnvironment"].rsplit("/", 1)[-1] for entry in found]


class Witness(threading.Thread):
    """Looks at the queue and at the environments that it and its jobs use, and submits jobs.

    Args:
        cluster: Where.
        ran: A file in which each job leaves its id when it begins.
        script: What jobs do then.
        trickle: Whether to submit more of them while looking.
    """

    def __init__(self, cluster: EksCluster, ran: Path, script: str = "sleep 2", *, trickle: bool = True) -> None:
        super().__init__(name="witness")
        self.faults: list[str] = []
        self.looks = 0
        self.in_place = False
        self.jobs: list[str] = []
        self._cluster = cluster
        self._ran = ran
        self._script = script
        self._trickle = trickle
        self._over = threading.Event()

    def submit(self, count: int) -> None:
        command = {"command": ["/bin/sh"], "args": ["-c", f"echo $AWS_BATCH_JOB_ID >> {self._ran}; {self._script}"]}
        override: Any = {"podProperties": {"containers": [command]}}
        for _ in range(count):
            submitted = self._cluster.batch.submit_job(
                jobName="witnessed", jobQueue=QUEUE, jobDefinition="MyJobOnEks_Sleep", eksPropertiesOverride=override
            )
            self.jobs.append(submitted["jobId"])

    def run(self) -> None:
        while not self._over.is_set():
            if self._trickle and self.looks % 10 == 0 and self.looks < 200:
                self.submit(1)
            queue, order, in_place = (
                describe_job_queue(self._cluster, QUEUE) or {},
                order_of(self._cluster, QUEUE),
                self.in_place,
            )
            found = environments(self._cluster)
            states = {name: (found[name]["state"], found[name]["status"]) for name in order if name in found}
            # An update in place is UPDATING while it lasts; a replacement never may be.
            fine = {("ENABLED", "VALID"), *([("ENABLED", "UPDATING")] if in_place or self.in_place else [])}
            # A switch between the questions is looked at next time.
            if order == order_of(self._cluster, QUEUE) and (
                queue["state"] != "ENABLED" or not fine & {*states.values()}
            ):
                self.faults.append(f"queue {queue['state']} in front of {states}")
            for one in found.values():
                if one["status"] == "DELETING" and self._has_pods(one["uuid"]):
                    self.faults.append(f"{one['computeEnvironmentName']} was deleted under its jobs")
            self.looks += 1
            time.sleep(0.05)

    def statuses(self) -> list[str]:
        """Of all jobs that it submitted."""
        chunks = [self.jobs[start : start + 100] for start in range(0, len(self.jobs), 100)]
        return [str(job["status"]) for ids in chunks for job in self._cluster.batch.describe_jobs(jobs=ids)["jobs"]]

    def _has_pods(self, uuid: str) -> bool:
        selectors = {"label_selector": f"{UUID_LABEL}={uuid}", "field_selector": UNFINISHED}
        return bool(self._cluster.core_v1.list_pod_for_all_namespaces(**selectors).items)

    def verdict(self) -> None:
        """Wait for the jobs; each has ended well, and ran once."""
        self._over.set()
        self.join()
        assert self.looks > 20
        deadline, statuses = time.monotonic() + 120, [""]
        while any(status in OPEN or not status for status in statuses) and time.monotonic() < deadline:
            time.sleep(0.2)
            statuses = self.statuses()
        assert statuses == ["SUCCEEDED"] * len(self.jobs)
        assert sorted(self._ran.read_text().split()) == sorted(self.jobs)
        assert self.faults == []

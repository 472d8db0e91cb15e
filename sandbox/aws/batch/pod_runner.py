"""Runs jobs as pods: creates them, follows them, takes them away."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from sandbox.aws.batch import pods
from sandbox.aws.batch.capacity import Capacity, Node
from sandbox.aws.batch.cluster_access import ClusterAccess
from sandbox.aws.batch.compute_environments import ComputeEnvironment
from sandbox.aws.batch.core import Core
from sandbox.aws.batch.jobs import Attempt, Job
from sandbox.aws.batch.lifecycle import TIMED_OUT, Lifecycle
from sandbox.aws.batch.outside_pods import OutsidePods
from sandbox.eks_token import RoleMissingError
from sandbox.guardian import Guardian
from sandbox.kubernetes.client import ApiError

_FORCE_AFTER = 5.0
_PAUSES = (0.1, 0.3, 1.0, 2.0)


class PodRunner:
    """One pod a job attempt, made and watched as the service-linked role."""

    def __init__(
        self,
        core: Core,
        access: ClusterAccess,
        capacity: Capacity,
        lifecycle: Lifecycle,
        guardian: Guardian,
        directory: Path,
    ) -> None:
        self._core = core
        self._outside = OutsidePods(guardian, directory, self.pod_changed)
        self._access = access
        self._capacity = capacity
        self._lifecycle = lifecycle
        self._by_pod: dict[str, Job] = {}
        self._placing: set[Job] = set()

    def reset(self) -> None:
        """Forget all pods."""
        self._outside.reset()
        self._by_pod.clear()
        self._placing.clear()

    def place(self, job: Job, node: Node) -> None:
        """Reserve a node for a job and have its pod made. Called with the lock held."""
        job.queue.order.remove(job)
        job.queue.order.used(job)
        node.reserve(job)
        job.attempt_number += 1
        attempt = Attempt(pods.pod_name(), pods.namespace_of(job, node), node)
        job.attempt = attempt
        self._placing.add(job)
        self._by_pod[attempt.pod_name] = job
        self._core.work(lambda: self._create(job, attempt))

    def _create(self, job: Job, attempt: Attempt) -> None:
        document = pods.pod_document(job, attempt.pod_name, attempt.namespace, attempt.node)
        if self._core.settings.pods_outside_cluster:
            made = self._start_outside(document)
        else:
            made = self._persist(lambda: self._access.create_pod(attempt.namespace, document))
        with self._core.lock:
            if made:
                self._created(job, attempt.pod_name)
            else:
                self._refused(job, attempt)

    def _start_outside(self, document: Mapping[str, Any]) -> bool:
        try:
            self._outside.create(document)
        except OSError:
            return False
        return True

    def _persist(self, call: Callable[[], None]) -> bool:
        """Make a call until it is certain what became of it; tells whether it took effect.

        After a lost connection it is repeated: creating the same pod again answers 409, deleting it again 404.
        """
        for pause in _PAUSES:
            try:
                call()
            except RoleMissingError:
                return False
            except ApiError as error:
                if error.status < 500:
                    return error.status == 409
                time.sleep(pause)
            except httpx.HTTPError:
                time.sleep(pause)
            else:
                return True
        return False

    def _refused(self, job: Job, attempt: Attempt) -> None:
        """The job stays RUNNABLE: missing rights are a documented cause of that (batch_eks_job_stuck_in_runnable)."""
        if self._by_pod.pop(attempt.pod_name, None) is None:
            return
        self._placing.discard(job)
        job.attempt_number -= 1
        attempt.node.release(job)
        self._capacity.released(attempt.node)
        if job.stop_reason is not None:
            self._lifecycle.end(job, "FAILED", job.stop_reason)
            return
        job.queue.order.add(job)
        delay = self._core.settings.pod_retry_delay
        job.queue.paused_until = time.monotonic() + delay
        self._core.timers.after(delay, self._core.wake)

    def _created(self, job: Job, pod_name: str) -> None:
        """The pod of the job's present attempt exists; the watch may know it before the creator does."""
        if job in self._placing and job.attempt is not None and job.attempt.pod_name == pod_name:
            self._placing.discard(job)
            self._lifecycle.starting(job)
            if job.stop_reason is not None:
                self._delete(job)

    def is_placing(self, job: Job) -> bool:
        """Whether a RUNNABLE job's pod is just being made."""
        return job in self._placing

    def stop(self, job: Job, reason: str) -> None:
        """Have a STARTING or RUNNING job's pod stopped; the job ends with it. Called with the lock held."""
        if job.stop_reason is None:
            job.stop_reason = reason
            if job not in self._placing:
                self._delete(job)

    def stop_on(self, environment: ComputeEnvironment) -> None:
        """Stop all jobs of a compute environment (updatePolicy.terminateJobsOnUpdate)."""
        for job in self._by_pod.values():
            if job.attempt is not None and job.attempt.node.environment is environment and not job.ended:
                self.stop(job, "Job terminated by the update of its compute environment")

    def _delete(self, job: Job) -> None:
        attempt = job.attempt
        assert attempt is not None
        grace = self._core.settings.timeout_grace
        self._remove(attempt, grace)
        self._core.timers.after(grace + _FORCE_AFTER, lambda: self._force(job, attempt))

    def _force(self, job: Job, attempt: Attempt) -> None:
        if not job.ended and job.attempt is attempt:
            self._remove(attempt, 0)

    def _remove(self, attempt: Attempt, grace: float | None = None) -> None:
        def remove() -> None:
            if attempt.pod_name in self._outside:
                self._outside.delete(attempt.pod_name)
                return
            self._persist(lambda: self._access.delete_pod(attempt.namespace, attempt.pod_name, grace))

        self._core.work(remove)

    def known_pods(self) -> set[str]:
        """Names of the pods that are known to exist in the cluster."""
        with self._core.lock:
            known = {name for name, job in self._by_pod.items() if job not in self._placing}
        return {name for name in known if name not in self._outside}

    def pods_listed(self, known: set[str], listed: list[Mapping[str, Any]]) -> None:
        """All pods as they are; which of those known before the listing have vanished unseen."""
        names = {pod["metadata"]["name"] for pod in listed}
        with self._core.lock:
            for name in known - names:
                if name in self._by_pod:
                    self._gone(name, {})
        for pod in listed:
            self.pod_changed("MODIFIED", pod)

    def pod_changed(self, kind: str, pod: Mapping[str, Any]) -> None:
        """An event of the watch."""
        name = pod["metadata"]["name"]
        with self._core.lock:
            job = self._by_pod.get(name)
            if job is None:
                return
            self._created(job, name)
            status = pod.get("status") or {}
            if kind == "DELETED":
                self._gone(name, status)
            elif job.attempt is not None and job.attempt.pod_name == name and not job.ended:
                self._follow(job, status)

    def _follow(self, job: Job, status: Mapping[str, Any]) -> None:
        """Pending is STARTING, Running is RUNNING, then the end (User Guide, job_states)."""
        phase = status.get("phase")
        if phase in ("Running", "Succeeded") and job.status == "STARTING":
            self._running(job)
        if phase in ("Succeeded", "Failed") and job.status in ("STARTING", "RUNNING"):
            self._ended(job, status, succeeded=phase == "Succeeded")

    def _running(self, job: Job) -> None:
        self._lifecycle.running(job)
        seconds = (job.spec.timeout or {}).get("attemptDurationSeconds")
        if seconds is not None:
            # Counted from RUNNING, not from STARTING (User Guide, job_timeouts).
            number = job.attempt_number
            delay = seconds * self._core.settings.time_limit_scale
            self._core.timers.after(delay, lambda: self._time_out(job, number))

    def _time_out(self, job: Job, number: int) -> None:
        with self._core.lock:
            if job.status == "RUNNING" and job.attempt_number == number:
                self.stop(job, TIMED_OUT)

    def _ended(self, job: Job, status: Mapping[str, Any], *, succeeded: bool) -> None:
        attempt = job.attempt
        assert attempt is not None
        properties = job.spec.definition.pod
        every = [*properties["containers"], *(properties.get("initContainers") or [])]
        names = {pods.kubernetes_name(each["name"]): each["name"] for each in every}
        attempt.containers = pods.container_ends(status.get("containerStatuses") or [], names)
        attempt.init_containers = pods.container_ends(status.get("initContainerStatuses") or [], names)
        attempt.node.release(job)
        self._capacity.released(attempt.node)
        self._lifecycle.attempt_ended(job, succeeded=succeeded)
        delay = self._core.settings.pod_cleanup_delay
        self._core.timers.after(delay, lambda: self._remove(attempt))
        self._core.wake()

    def _gone(self, name: str, status: Mapping[str, Any]) -> None:
        """A pod has vanished; if its job had not ended, this ends the attempt."""
        job = self._by_pod.pop(name)
        current = job.attempt is not None and job.attempt.pod_name == name
        if current and job.status in ("STARTING", "RUNNING"):
            self._ended(job, status, succeeded=False)

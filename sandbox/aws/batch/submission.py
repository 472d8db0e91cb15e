"""SubmitJob: what is refused, and what becomes of the rest.

Sources: [B:SubmitJobRequest], the User Guide's array_jobs, job_dependencies and service_limits. Texts are our wording
unless a source is given.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sandbox.aws.batch import job_definitions as definition_rules
from sandbox.aws.batch import pod_properties, pod_rules
from sandbox.aws.batch.core import Core
from sandbox.aws.batch.identifiers import is_job_name, now_ms
from sandbox.aws.batch.job_definitions import JobDefinition, JobDefinitions
from sandbox.aws.batch.job_queues import JobQueue, JobQueues
from sandbox.aws.batch.jobs import Job, JobSpec
from sandbox.aws.batch.refusals import client_exception, execution_exception, too_many_requests

if TYPE_CHECKING:
    from sandbox.aws.batch.lifecycle import Lifecycle

_MOST_KIB = 30
_MOST_DEPENDENCIES = 20
_MOST_SHARES = 500
_SUBMISSIONS_A_SECOND = 50


class SubmitQuota:
    """50 SubmitJob calls a second for an account (User Guide, service limits): a token bucket.

    Args:
        clock: Gives the time, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._left = float(_SUBMISSIONS_A_SECOND)
        self._filled = clock()

    def take(self) -> bool:
        """Whether one more call is within the quota."""
        with self._lock:
            now = self._clock()
            gained = (now - self._filled) * _SUBMISSIONS_A_SECOND
            self._left, self._filled = min(self._left + gained, float(_SUBMISSIONS_A_SECOND)), now
            if self._left < 1:
                return False
            self._left -= 1
            return True


class Submission:
    """The operation SubmitJob."""

    def __init__(self, core: Core, queues: JobQueues, definitions: JobDefinitions, lifecycle: "Lifecycle") -> None:
        self._core = core
        self._queues = queues
        self._definitions = definitions
        self._lifecycle = lifecycle
        self._quota = SubmitQuota()

    def submit(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """SubmitJob: takes effect at once; ListJobs may show it later."""
        core = self._core
        if core.settings.batch_quotas and not self._quota.take():
            raise too_many_requests()
        self._check_payload(request)
        with core.lock:
            queue = self._queues.found(request["jobQueue"])
            definition = self._definitions.active(request["jobDefinition"])
            self._check_queue(queue)
            override = (request.get("eksPropertiesOverride") or {}).get("podProperties")
            if override:
                pod_rules.check_override(override, definition.pod)
            spec = self._spec(request, queue, definition, override)
            depends_on = spec.depends_on
            size = _array_size(request)
            self._check_dependencies(depends_on, size)
            now = now_ms()
            job = Job(
                str(uuid4()),
                request["jobName"],
                queue,
                spec,
                now,
                number=core.state.jobs.next_number(),
                shown_at=time.monotonic() + core.settings.list_jobs_delay,
            )
            core.state.jobs.add(job)
            if size is not None:
                core.state.jobs.give_children(job, size)
            self._lifecycle.submitted(job)
        return {"jobArn": job.arn(), "jobName": job.name, "jobId": job.id}

    def _check_payload(self, request: Mapping[str, Any]) -> None:
        size = len(json.dumps(request))
        if size > _MOST_KIB * 1024:
            # ASFHyP3/hyp3#3041 (verbatim).
            raise execution_exception(f"Job size must be less than {_MOST_KIB} KiB, got {size // 1024} KiB")
        if not is_job_name(request["jobName"]):
            # fluidattacks/makes#697 (verbatim).
            raise execution_exception("Job name should match valid pattern")
        if request.get("containerOverrides") or request.get("nodeOverrides"):
            # nextflow-io/nextflow#5817 (verbatim).
            raise client_exception("Container overrides or node overrides should not be set for Batch on EKS jobs.")
        if request.get("ecsPropertiesOverride"):
            raise execution_exception("ecsPropertiesOverride can't be set for Batch on EKS jobs")
        definition_rules.check_retry(request.get("retryStrategy"))
        definition_rules.check_timeout(request.get("timeout"))
        definition_rules.check_priority(request.get("schedulingPriorityOverride"), "schedulingPriorityOverride")

    def _check_queue(self, queue: JobQueue) -> None:
        if queue.state != "ENABLED":
            raise execution_exception(f"JobQueue {queue.name} is DISABLED")
        if queue.status not in ("VALID", "UPDATING"):
            raise execution_exception(f"JobQueue {queue.name} is not in the VALID status")

    def _spec(
        self,
        request: Mapping[str, Any],
        queue: JobQueue,
        definition: JobDefinition,
        override: Mapping[str, Any] | None,
    ) -> JobSpec:
        parameters = {**definition.document["parameters"], **(request.get("parameters") or {})}
        pod = definition.pod
        if override:
            pod = pod_properties.merged(definition.pod, override, {})
            for index, container in enumerate(pod["containers"]):
                pod_rules.check_resources(container.get("resources") or {}, f"containers[{index}]", complete=True)
        cpu, memory, gpus = pod_rules.requested(pod)
        share, priority = self._share(request, queue, definition)
        retry = {
            **definition.document.get("retryStrategy", {}),
            **(request.get("retryStrategy") or {}),
        }
        return JobSpec(
            definition=definition,
            override=override,
            parameters=parameters,
            retry={"attempts": 1, "evaluateOnExit": [], **retry},
            timeout=request.get("timeout") or definition.document.get("timeout"),
            tags=dict(request.get("tags") or {}),
            share=share,
            priority=priority,
            depends_on=[dict(each) for each in request.get("dependsOn") or []],
            cpu_millis=cpu,
            memory_mib=memory,
            gpus=gpus,
        )

    def _share(
        self, request: Mapping[str, Any], queue: JobQueue, definition: JobDefinition
    ) -> tuple[str | None, int | None]:
        """Share identifier and priority: required with a fair-share policy, forbidden without.

        Texts: boto/boto3#3158 and nextflow-io/nextflow#3505.
        """
        share = request.get("shareIdentifier")
        override = request.get("schedulingPriorityOverride")
        if queue.policy is None:
            if share is not None:
                raise client_exception(
                    "shareIdentifier can't be specified: the job queue has no fair-share scheduling policy"
                )
            return None, None
        if not share:
            raise client_exception("shareIdentifier must be specified.")
        priority = override if override is not None else definition.document.get("schedulingPriority")
        if priority is None:
            raise client_exception(
                "Either schedulingPriority in job definition or schedulingPriorityOverride should be specified."
            )
        shares = queue.index.by_share
        if share not in shares and len(shares) >= _MOST_SHARES:
            raise execution_exception(f"The job queue has {_MOST_SHARES} active share identifiers already")
        return share, priority

    def _check_dependencies(self, depends_on: Sequence[Mapping[str, Any]], size: int | None) -> None:
        """At most 20 known jobs; SEQUENTIAL for arrays without an id, N_TO_N for arrays of the same size."""
        if len(depends_on) > _MOST_DEPENDENCIES:
            raise execution_exception(f"dependsOn must have at most {_MOST_DEPENDENCIES} dependencies")
        for dependency in depends_on:
            kind, job_id = dependency.get("type"), dependency.get("jobId")
            if kind == "SEQUENTIAL":
                if job_id:
                    raise execution_exception("A SEQUENTIAL dependency must not have a jobId")
                if size is None:
                    raise execution_exception("A SEQUENTIAL dependency is for array jobs only")
                continue
            if not job_id:
                raise execution_exception("A dependency must have a jobId or be SEQUENTIAL")
            job = self._core.state.jobs.get(job_id)
            if job is None:
                raise execution_exception(f"Job {job_id} in dependsOn does not exist")
            if kind == "N_TO_N" and (size is None or len(job.children or ()) != size):
                raise execution_exception("An N_TO_N dependency needs two array jobs of the same size")


def _array_size(request: Mapping[str, Any]) -> int | None:
    """[B:ArrayProperties.size] 2 to 10,000."""
    size = (request.get("arrayProperties") or {}).get("size")
    if size is not None and not 2 <= size <= 10000:
        raise execution_exception("arrayProperties.size must be between 2 and 10000")
    return size

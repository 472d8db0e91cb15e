"""Job queues: their operations and their states."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.aws.batch import pages
from sandbox.aws.batch.compute_environments import ComputeEnvironment, ComputeEnvironments
from sandbox.aws.batch.core import Core
from sandbox.aws.batch.identifiers import Place, check_name, short_name
from sandbox.aws.batch.jobs import QueueIndex
from sandbox.aws.batch.refusals import client_exception, execution_exception
from sandbox.aws.batch.run_order import FairShareOrder, FifoOrder

if TYPE_CHECKING:
    from sandbox.aws.batch.job_control import JobControl
    from sandbox.aws.batch.scheduling_policies import SchedulingPolicy

HEALTHY = "JobQueue Healthy"
_MOST = 50
_MOST_ENVIRONMENTS = 3
_CHANGING = ("CREATING", "UPDATING", "DELETING")
BLOCKED_REASONS = (
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
    "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED",
)
"""User Guide, job_stuck_in_runnable_time_limit_actions."""


@dataclass(eq=False)
class JobQueue:
    """A job queue with the jobs in it."""

    name: str
    arn: str
    place: Place
    priority: int
    environments: list[tuple[int, ComputeEnvironment]]
    tags: dict[str, str]
    order: FifoOrder | FairShareOrder
    state: str = "ENABLED"
    status: str = "CREATING"
    status_reason: str = "JobQueue CREATING"
    policy: "SchedulingPolicy | None" = None
    time_limit_actions: list[dict[str, Any]] = field(default_factory=list)
    index: QueueIndex = field(default_factory=QueueIndex)
    released: list[tuple[float, ComputeEnvironment]] = field(default_factory=list)
    # Time before which nothing is placed: the cluster refused a pod.
    paused_until: float = 0.0

    def related(self) -> list[ComputeEnvironment]:
        """Compute environments that still count as attached.

        One that was let go of counts for a moment longer (terraform-provider-aws#46925).
        """
        now = time.monotonic()
        self.released = [(until, each) for until, each in self.released if until > now]
        return [each for _, each in self.environments] + [each for _, each in self.released]

    def describe(self) -> dict[str, Any]:
        """As DescribeJobQueues gives it [B:JobQueueDetail]."""
        detail: dict[str, Any] = {
            "jobQueueName": self.name,
            "jobQueueArn": self.arn,
            "state": self.state,
            "status": self.status,
            "statusReason": self.status_reason,
            "priority": self.priority,
            "computeEnvironmentOrder": [
                {"order": order, "computeEnvironment": each.arn} for order, each in self.environments
            ],
            "serviceEnvironmentOrder": [],
            "jobQueueType": "EKS",
            "tags": self.tags,
            "jobStateTimeLimitActions": self.time_limit_actions,
        }
        return detail | ({"schedulingPolicyArn": self.policy.arn} if self.policy else {})


class JobQueues:
    """The operations on job queues."""

    def __init__(self, core: Core, environments: ComputeEnvironments, control: "JobControl") -> None:
        self._core = core
        self._environments = environments
        self._control = control

    def create(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """CreateJobQueue."""
        name = request["jobQueueName"]
        check_name(name)
        core = self._core
        with core.lock:
            if name in core.state.queues:
                raise client_exception("Object already exists", 409)
            if len(core.state.queues) >= _MOST:
                raise execution_exception(f"Limit of {_MOST} job queues exceeded")
            if request.get("serviceEnvironmentOrder"):
                raise execution_exception("serviceEnvironmentOrder is not played by the sandbox")
            if request.get("jobQueueType", "EKS") != "EKS":
                raise execution_exception("jobQueueType must be EKS for compute environments on EKS")
            _check_priority(request["priority"])
            policy = self._policy(request["schedulingPolicyArn"]) if request.get("schedulingPolicyArn") else None
            queue = JobQueue(
                name=name,
                arn=core.place.arn("job-queue", name),
                place=core.place,
                priority=request["priority"],
                environments=self._attached(request.get("computeEnvironmentOrder") or []),
                tags=dict(request.get("tags") or {}),
                order=FifoOrder(),
                state=request.get("state", "ENABLED"),
                policy=policy,
                time_limit_actions=_checked_actions(request.get("jobStateTimeLimitActions") or []),
            )
            if policy is not None:
                queue.order = FairShareOrder(lambda share: queue.policy.weight(share) if queue.policy else 1.0)
            core.state.queues[name] = queue
        self._settle_later(queue)
        return {"jobQueueName": name, "jobQueueArn": queue.arn}

    def update(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """UpdateJobQueue."""
        core = self._core
        with core.lock:
            queue = self.found(request["jobQueue"])
            if queue.status in _CHANGING:
                raise client_exception("Cannot update, resource is being modified")
            if request.get("serviceEnvironmentOrder"):
                raise execution_exception("serviceEnvironmentOrder is not played by the sandbox")
            policy = queue.policy
            if request.get("schedulingPolicyArn") is not None:
                # [B:CreateJobQueueRequest.schedulingPolicyArn]: can be replaced, not added and not removed.
                if queue.policy is None:
                    raise execution_exception("A FIFO job queue can't have a scheduling policy added")
                if not request["schedulingPolicyArn"]:
                    raise execution_exception("The scheduling policy of a job queue can't be removed")
                policy = self._policy(request["schedulingPolicyArn"])
            if request.get("priority") is not None:
                _check_priority(request["priority"])
            environments = queue.environments
            if request.get("computeEnvironmentOrder") is not None:
                environments = self._attached(request["computeEnvironmentOrder"], queue.environments)
            actions = queue.time_limit_actions
            if request.get("jobStateTimeLimitActions") is not None:
                actions = _checked_actions(request["jobStateTimeLimitActions"])
            self._release(queue, environments)
            queue.policy, queue.environments, queue.time_limit_actions = policy, environments, actions
            queue.priority = request.get("priority", queue.priority)
            queue.state = request.get("state", queue.state)
            queue.status, queue.status_reason = "UPDATING", "JobQueue UPDATING"
        self._settle_later(queue)
        return {"jobQueueName": queue.name, "jobQueueArn": queue.arn}

    def delete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DeleteJobQueue: of a DISABLED one; its jobs are terminated. One that is gone already is fine."""
        core = self._core
        with core.lock:
            queue = core.state.queues.get(short_name(request["jobQueue"]))
            if queue is None:
                return {}
            if queue.status in _CHANGING:
                # astronomer/astronomer-providers#413 (verbatim).
                raise client_exception("Cannot delete, resource is being modified")
            if queue.state != "DISABLED":
                raise client_exception("Cannot delete, state must be DISABLED")
            queue.status, queue.status_reason = "DELETING", "JobQueue DELETING"
            for status in ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING"):
                for _, job in list(queue.index.by_status[status].ascending()):
                    self._control.stop(job, "Job Queue deleted", terminate=True)
        core.timers.after(core.settings.job_queue_delay, lambda: self._remove(queue))
        return {}

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DescribeJobQueues: those named, or all; unknown names are left out."""
        wanted = request.get("jobQueues") or []
        if len(wanted) > 100:
            raise execution_exception("Maximum number of job queues supported is  100 .")
        with self._core.lock:
            known = self._core.state.queues
            if wanted:
                found = [known[short_name(each)] for each in wanted if short_name(each) in known]
            else:
                found = list(known.values())
            page, token = pages.cut(found, request)
            answer: dict[str, Any] = {"jobQueues": [each.describe() for each in page]}
        return answer | ({"nextToken": token} if token else {})

    def found(self, name_or_arn: str) -> JobQueue:
        """A queue by name or ARN; text as reported in base2genomics/batchit#13 and Netflix/metaflow#65."""
        queue = self._core.state.queues.get(short_name(name_or_arn))
        if queue is None:
            raise client_exception(f"JobQueue {name_or_arn} not found.")
        return queue

    def _policy(self, arn: str) -> "SchedulingPolicy":
        policy = self._core.state.policies.get(short_name(arn))
        if policy is None or policy.arn != arn:
            raise execution_exception(f"Scheduling policy {arn} does not exist")
        return policy

    def _attached(
        self,
        order: list[Mapping[str, Any]],
        attached: list[tuple[int, ComputeEnvironment]] | None = None,
    ) -> list[tuple[int, ComputeEnvironment]]:
        """The compute environments of an order, checked [B:CreateJobQueueRequest.computeEnvironmentOrder]."""
        if not 1 <= len(order) <= _MOST_ENVIRONMENTS:
            raise execution_exception(f"computeEnvironmentOrder must have 1 to {_MOST_ENVIRONMENTS} entries")
        if len({each["order"] for each in order}) != len(order):
            raise execution_exception("computeEnvironmentOrder has an order twice")
        found = [(each["order"], self._environments.found(each["computeEnvironment"])) for each in order]
        environments = [each for _, each in found]
        if len(set(environments)) != len(environments):
            raise execution_exception("computeEnvironmentOrder has a compute environment twice")
        known = [each for _, each in attached or []]
        for environment in environments:
            if environment not in known and environment.status != "VALID":
                raise execution_exception(f"Compute environment {environment.arn} is not in the VALID state")
        if len({kind.architecture for each in environments for kind in each.types}) > 1:
            raise execution_exception("Compute environments of a job queue must share the same architecture")
        return sorted(found, key=lambda pair: pair[0])

    def _release(self, queue: JobQueue, kept: list[tuple[int, ComputeEnvironment]]) -> None:
        until = time.monotonic() + self._core.settings.relationship_delay
        remaining = [each for _, each in kept]
        queue.released += [(until, each) for _, each in queue.environments if each not in remaining]

    def _settle_later(self, queue: JobQueue) -> None:
        def settle() -> None:
            with self._core.lock:
                if queue.status in ("CREATING", "UPDATING"):
                    queue.status, queue.status_reason = "VALID", HEALTHY
            self._core.wake()

        self._core.timers.after(self._core.settings.job_queue_delay, settle)

    def _remove(self, queue: JobQueue) -> None:
        """Take the queue away once all its jobs have ended ("all jobs eventually terminated")."""
        with self._core.lock:
            if self._core.state.queues.get(queue.name) is not queue:
                return
            by_status = queue.index.by_status
            if any(len(by_status[status]) for status in ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")):
                self._core.timers.after(self._core.settings.job_queue_delay, lambda: self._remove(queue))
                return
            del self._core.state.queues[queue.name]


def _check_priority(priority: int) -> None:
    if priority < 0:
        raise execution_exception("priority must be at least 0")


def _checked_actions(actions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Actions on blocked jobs, checked: 600..86400 s, for EKS only CANCEL, known reasons (our wording)."""
    for action in actions:
        if not 600 <= action["maxTimeSeconds"] <= 86400:
            raise execution_exception("jobStateTimeLimitActions.maxTimeSeconds must be between 600 and 86400")
        if action["action"] != "CANCEL":
            raise execution_exception("jobStateTimeLimitActions.action must be CANCEL for EKS job queues")
        if action["reason"] not in BLOCKED_REASONS:
            raise execution_exception(f"jobStateTimeLimitActions.reason {action['reason']} is not supported")
    return [dict(action) for action in actions]

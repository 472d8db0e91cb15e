"""Instances of the compute environments: where a job fits, what to launch, what to take away."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sandbox.aws.batch.compute_environments import NODES_DID_NOT_JOIN, ComputeEnvironment
from sandbox.aws.batch.core import Core
from sandbox.aws.batch.instance_types import InstanceType
from sandbox.aws.batch.job_queues import JobQueue
from sandbox.aws.batch.jobs import Job
from sandbox.nodes import Nodes, NodeState

TAINT = "batch.amazonaws.com/batch-node"
UUID_LABEL = "batch.amazonaws.com/compute-environment-uuid"
_POLL = 0.1
_SWEEP = 1.0

MAX_RESOURCE = (
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - "
    "CE(s) associated with the job queue cannot meet the CPU requirement of the job."
)
JOB_REQUIREMENT = (
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement (vCPU/memory/GPU) is higher than that "
    "can be met by the CE(s) attached to the job queue."
)
ENVIRONMENTS_INVALID = "ACTION_REQUIRED - CE(s) associated with the job queue are invalid."


@dataclass(eq=False, slots=True)
class Node:
    """An instance of a compute environment and what jobs have reserved of it."""

    instance_id: str
    environment: ComputeEnvironment
    kind: InstanceType
    cpu_millis: int
    memory_mib: int
    gpus: int
    launched: float
    phase: Literal["pending", "joined", "refused"] = "pending"
    name: str = ""
    uid: str = ""
    jobs: int = 0
    idle_since: float = 0.0
    draining: bool = False

    def fits(self, job: Job) -> bool:
        """Whether what is left is enough."""
        spec = job.spec
        return self.cpu_millis >= spec.cpu_millis and self.memory_mib >= spec.memory_mib and self.gpus >= spec.gpus

    def reserve(self, job: Job) -> None:
        """Set resources aside for a job."""
        self.cpu_millis -= job.spec.cpu_millis
        self.memory_mib -= job.spec.memory_mib
        self.gpus -= job.spec.gpus
        self.jobs += 1

    def release(self, job: Job) -> None:
        """Take a job's resources back."""
        self.cpu_millis += job.spec.cpu_millis
        self.memory_mib += job.spec.memory_mib
        self.gpus += job.spec.gpus
        self.jobs -= 1
        self.idle_since = time.monotonic()


class Capacity:
    """Launches and takes away instances. All methods are called with the core's lock held."""

    def __init__(self, core: Core, nodes: Nodes, give_up: Callable[[ComputeEnvironment, str], None]) -> None:
        self._core = core
        self._nodes = nodes
        self._give_up = give_up
        self._pending: list[Node] = []
        self._polling = False
        self._sweeping = False

    def reset(self) -> None:
        """Forget all instances."""
        self._pending.clear()
        self._polling = self._sweeping = False

    def find(self, queue: JobQueue, job: Job) -> Node | None:
        """A node that a job can be placed on, the compute environments in their order."""
        for _, environment in queue.environments:
            if environment.usable:
                for node in environment.nodes:
                    if node.phase == "joined" and not node.draining and node.fits(job):
                        return node
        return None

    def blocked_reason(self, queue: JobQueue, job: Job) -> str | None:
        """Why a job can never be placed as things are (User Guide, job_stuck_in_runnable_*)."""
        environments = [each for _, each in queue.environments]
        if all(each.status == "INVALID" for each in environments):
            return ENVIRONMENTS_INVALID
        usable = [each for each in environments if each.usable]
        if not usable:
            return None
        if all(job.spec.cpu_millis > each.compute_resources["maxvCpus"] * 1000 for each in usable):
            return MAX_RESOURCE
        if not any(self._fitting(each, job) for each in usable):
            return JOB_REQUIREMENT
        return None

    def launch_for(self, queue: JobQueue, waiting: list[Job]) -> bool:
        """Launch an instance if the jobs at the head of a queue need more than is on its way; tells whether.

        Args:
            queue: The queue, its compute environments in their order.
            waiting: The jobs at its head, at least one.
        """
        for _, environment in queue.environments:
            if not environment.usable or not self._fitting(environment, waiting[0]):
                continue
            lacking = self._lacking(environment, waiting)
            if lacking is None:
                return False
            kind = self._choose(environment, *lacking)
            if kind is not None:
                return self._launch(environment, kind)
            if self._make_room(environment):
                return True
        return False

    def _lacking(self, environment: ComputeEnvironment, waiting: list[Job]) -> tuple[Job, int, int, int] | None:
        """The largest of the jobs, and what they all need beyond the instances that are on their way."""
        cpu = memory = gpus = 0
        for node in environment.nodes:
            if node.phase != "joined" and not node.draining:
                cpu -= node.cpu_millis
                memory -= node.memory_mib
                gpus -= node.gpus
        largest = waiting[0]
        for job in waiting:
            if not self._fitting(environment, job):
                break
            cpu, memory, gpus = cpu + job.spec.cpu_millis, memory + job.spec.memory_mib, gpus + job.spec.gpus
            if (job.spec.gpus, job.spec.cpu_millis) > (largest.spec.gpus, largest.spec.cpu_millis):
                largest = job
        return (largest, cpu, memory, gpus) if cpu > 0 or memory > 0 or gpus > 0 else None

    def _make_room(self, environment: ComputeEnvironment) -> bool:
        """Take an idle instance away that is too small for the job at the head; tells whether there was one."""
        for node in environment.nodes:
            if node.phase == "joined" and not node.jobs:
                self._terminate(node)
                return True
        return False

    def _room(self, environment: ComputeEnvironment) -> int:
        used = sum(node.kind.vcpus for node in environment.nodes if not node.draining)
        return int(environment.compute_resources["maxvCpus"]) - used

    def _fitting(self, environment: ComputeEnvironment, job: Job) -> list[InstanceType]:
        spec = job.spec
        return [
            kind
            for kind in environment.types
            if kind.cpu_millis >= spec.cpu_millis and kind.memory_mib >= spec.memory_mib and kind.gpus >= spec.gpus
        ]

    def _choose(
        self, environment: ComputeEnvironment, job: Job, cpu: int, memory: int, gpus: int
    ) -> InstanceType | None:
        """The smallest type that takes all that waits, else the largest that maxvCpus allows.

        maxvCpus may be exceeded by at most one instance [B:ComputeResource.maxvCpus]: if no type stays within it,
        the smallest fitting one is launched as long as the job itself does.
        """
        room = self._room(environment)
        fitting = self._fitting(environment, job)
        within = [kind for kind in fitting if kind.vcpus <= room]
        for kind in within:
            if kind.cpu_millis >= cpu and kind.memory_mib >= memory and kind.gpus >= gpus:
                return kind
        if within:
            return within[-1]
        return fitting[0] if job.spec.cpu_millis <= room * 1000 else None

    def keep_minimum(self, environment: ComputeEnvironment) -> None:
        """Launch instances up to minvCpus."""
        least = environment.compute_resources["minvCpus"]
        while environment.status == "VALID":
            used = sum(node.kind.vcpus for node in environment.nodes if not node.draining)
            if used >= least:
                return
            kinds = [kind for kind in environment.types if kind.vcpus <= least - used]
            self._launch(environment, kinds[-1] if kinds else environment.types[0])

    def _launch(self, environment: ComputeEnvironment, kind: InstanceType) -> bool:
        resources = environment.compute_resources
        subnets = resources["subnets"]
        try:
            instance_id = self._nodes.launch(
                instance_profile=resources["instanceRole"],
                instance_type=kind.name,
                subnet_id=subnets[len(environment.nodes) % len(subnets)],
                labels={UUID_LABEL: environment.uuid},
                taints=[{"key": TAINT, "effect": effect} for effect in ("NoSchedule", "NoExecute")],
            )
        except LookupError as error:
            # The instance profile was deleted after the compute environment had become VALID.
            self._give_up(environment, f"CLIENT_ERROR - {error}")
            return False
        node = Node(instance_id, environment, kind, kind.cpu_millis, kind.memory_mib, kind.gpus, time.monotonic())
        environment.nodes.append(node)
        self._set_desired(environment)
        self._pending.append(node)
        if not self._polling:
            self._polling = True
            self._core.timers.after(_POLL, self._poll)
        return True

    def _set_desired(self, environment: ComputeEnvironment) -> None:
        resources = environment.compute_resources
        used = sum(node.kind.vcpus for node in environment.nodes if not node.draining)
        resources["desiredvCpus"] = max(resources["minvCpus"], used)

    def _poll(self) -> None:
        """Look how far the instances that have not joined are; only while there are any."""
        with self._core.lock:
            joined = False
            for node in list(self._pending):
                if node not in node.environment.nodes:
                    self._pending.remove(node)
                    continue
                state = self._state(node)
                if state is None:
                    self._pending.remove(node)
                    continue
                node.phase = state.phase
                if state.phase == "joined":
                    node.name, node.uid = state.node_name, state.node_uid
                    node.cpu_millis = int(state.vcpus * 1000)
                    node.memory_mib = state.memory_mib
                    node.idle_since = time.monotonic()
                    self._pending.remove(node)
                    joined = True
                elif time.monotonic() - node.launched > self._core.settings.node_join_timeout:
                    self._invalidate_unjoined(node.environment)
            self._polling = bool(self._pending)
            if self._polling:
                self._core.timers.after(_POLL, self._poll)
            if joined:
                self._core.wake()
                self._sweep_later()

    def _invalidate_unjoined(self, environment: ComputeEnvironment) -> None:
        """INVALIDATE a compute environment none of whose nodes joined."""
        if environment.status == "VALID" and not any(node.phase == "joined" for node in environment.nodes):
            self._give_up(environment, NODES_DID_NOT_JOIN)

    def drain(self, environment: ComputeEnvironment) -> None:
        """Take an environment's instances away: those without jobs now, the others after their last job."""
        for node in list(environment.nodes):
            node.draining = True
            if not node.jobs:
                self._terminate(node)

    def released(self, node: Node) -> None:
        """A job has left a node."""
        if node.draining and not node.jobs:
            self._terminate(node)
        elif self._state(node) is not None:
            self._sweep_later()

    def _sweep_later(self) -> None:
        if not self._sweeping:
            self._sweeping = True
            # Often enough to notice that the setting was changed.
            self._core.timers.after(min(self._core.settings.node_idle_timeout, _SWEEP), self._sweep)

    def _sweep(self) -> None:
        """Take away instances that have been idle, down to minvCpus."""
        with self._core.lock:
            self._sweeping = False
            before = time.monotonic() - self._core.settings.node_idle_timeout
            left = False
            for environment in self._core.state.compute_environments.values():
                for node in list(environment.nodes):
                    if self._state(node) is None:
                        continue
                    used = sum(each.kind.vcpus for each in environment.nodes)
                    spare = used - node.kind.vcpus >= environment.compute_resources["minvCpus"]
                    if node.phase == "joined" and not node.jobs and node.idle_since <= before and spare:
                        self._terminate(node)
                    left = left or node in environment.nodes
            if left:
                self._sweep_later()

    def _terminate(self, node: Node) -> None:
        self._forget(node)
        self._core.work(lambda: self._nodes.terminate(node.instance_id))

    def _forget(self, node: Node) -> None:
        if node in node.environment.nodes:
            node.environment.nodes.remove(node)
            self._set_desired(node.environment)
            self._core.wake()

    def _state(self, node: Node) -> NodeState | None:
        """What is known of an instance; one that other hands have terminated is forgotten."""
        try:
            return self._nodes.state(node.instance_id)
        except LookupError:
            self._forget(node)
            return None

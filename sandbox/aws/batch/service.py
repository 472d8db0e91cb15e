"""AWS Batch, put together and put on the AWS endpoint."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sandbox.aws import event_delivery, iam, sqs
from sandbox.aws.access_entries import AccessEntries
from sandbox.aws.batch import shapes
from sandbox.aws.batch.capacity import Capacity
from sandbox.aws.batch.cluster_access import ClusterAccess, Endpoint
from sandbox.aws.batch.cluster_entry import ClusterEntry
from sandbox.aws.batch.compute_environments import ComputeEnvironment, ComputeEnvironments
from sandbox.aws.batch.core import Core, State
from sandbox.aws.batch.dispatcher import Dispatcher
from sandbox.aws.batch.events import Events
from sandbox.aws.batch.identifiers import Place
from sandbox.aws.batch.job_control import JobControl
from sandbox.aws.batch.job_definitions import JobDefinitions
from sandbox.aws.batch.job_queues import JobQueues
from sandbox.aws.batch.lifecycle import Lifecycle
from sandbox.aws.batch.listing import Listing
from sandbox.aws.batch.pod_runner import PodRunner
from sandbox.aws.batch.pod_watch import PodWatch
from sandbox.aws.batch.scheduling_policies import SchedulingPolicies
from sandbox.aws.batch.submission import Submission
from sandbox.aws.batch.tags import Tags
from sandbox.aws.eks import EksClusters
from sandbox.aws.errors import AwsError
from sandbox.aws.operations import Caller
from sandbox.aws.server import AwsServer
from sandbox.guardian import Guardian
from sandbox.names import ACCOUNT_ID, CLUSTER_NAME, REGION
from sandbox.nodes import Nodes

_WORKERS = 8

Operation = Callable[[Mapping[str, Any]], dict[str, Any]]


class Batch:
    """AWS Batch of the sandbox's account and region, on the sandbox's cluster.

    Args:
        server: The AWS endpoint to answer on.
        nodes: Instances that compute environments launch.
        clusters: Tells the clusters' authentication modes.
        entries: The clusters' access entries.
        endpoint: The cluster's Kubernetes API; its `url` is read when it is first needed.
        ca_file: Certificate authority of that API.
        guardian: Kills what runs outside of the cluster should the sandbox die.
    """

    def __init__(
        self,
        server: AwsServer,
        nodes: Nodes,
        clusters: EksClusters,
        entries: AccessEntries,
        endpoint: Endpoint,
        ca_file: Path,
        guardian: Guardian,
    ) -> None:
        iam.install()
        event_delivery.install()
        sqs.install()
        place = Place(ACCOUNT_ID, REGION)
        workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="batch-worker")
        core = Core(place, server.settings, workers, Events(place))
        access = ClusterAccess(endpoint, ca_file, CLUSTER_NAME)
        lifecycle = Lifecycle(core)
        capacity = Capacity(core, nodes, lambda each, reason: environments.give_up(each, reason))
        runner = PodRunner(core, access, capacity, lifecycle, guardian, server.state_dir)
        environments = ComputeEnvironments(
            core, ClusterEntry(place, clusters, entries, server.enforcement), access, self._drained
        )
        control = JobControl(core, lifecycle, runner)
        queues = JobQueues(core, environments, control)
        definitions = JobDefinitions(core)
        policies = SchedulingPolicies(core)
        tags = Tags(core)
        self._workers = workers
        self._access = access
        self._core = core
        self._capacity = capacity
        self._runner = runner
        self._control = control
        self._watch = PodWatch(access, runner)
        self._dispatcher = Dispatcher(core, capacity, runner, lifecycle)
        core.wake = self._wake
        self._implement(
            server,
            {
                "CreateComputeEnvironment": environments.create,
                "DescribeComputeEnvironments": environments.describe,
                "UpdateComputeEnvironment": environments.update,
                "DeleteComputeEnvironment": environments.delete,
                "CreateJobQueue": queues.create,
                "DescribeJobQueues": queues.describe,
                "UpdateJobQueue": queues.update,
                "DeleteJobQueue": queues.delete,
                "CreateSchedulingPolicy": policies.create,
                "DescribeSchedulingPolicies": policies.describe,
                "ListSchedulingPolicies": policies.list,
                "UpdateSchedulingPolicy": policies.update,
                "DeleteSchedulingPolicy": policies.delete,
                "RegisterJobDefinition": definitions.register,
                "DeregisterJobDefinition": definitions.deregister,
                "DescribeJobDefinitions": definitions.describe,
                "SubmitJob": Submission(core, queues, definitions, lifecycle).submit,
                "DescribeJobs": control.describe,
                "ListJobs": Listing(core, queues).list,
                "CancelJob": control.cancel,
                "CancelJobs": control.cancel_many,
                "TerminateJob": control.terminate,
                "TerminateJobs": control.terminate_many,
                "GetJobQueueSnapshot": control.snapshot,
                "ListTagsForResource": tags.list,
                "TagResource": tags.tag,
                "UntagResource": tags.untag,
            },
        )
        server.before_reset(self.reset)

    def start(self) -> None:
        """Start the threads."""
        self._core.timers.start()
        self._core.events.start()
        self._watch.start()
        self._dispatcher.start()

    def stop(self) -> None:
        """Stop the threads; nodes are stopped by who owns them."""
        self._dispatcher.stop()
        self._core.timers.stop()
        self._watch.stop()
        self._workers.shutdown(cancel_futures=True)
        self._runner.reset()
        self._core.events.stop()

    def reset(self) -> None:
        """Forget everything; what is under way for the old state comes to nothing."""
        with self._core.lock:
            self._core.timers.clear()
            self._core.state = State()
            self._capacity.reset()
            self._runner.reset()
            self._dispatcher.reset()
            self._watch.pause()
            self._access.forget_token()

    def _wake(self) -> None:
        if self._core.state.queues:
            self._watch.want()
        self._dispatcher.wake()

    def _drained(self, environment: ComputeEnvironment) -> None:
        """Let an environment's instances go, and their jobs too if its update policy says so."""
        policy = environment.update_policy or {}
        if environment.status == "UPDATING" and policy.get("terminateJobsOnUpdate"):
            self._runner.stop_on(environment)
        self._capacity.drain(environment)

    def _implement(self, server: AwsServer, operations: Mapping[str, Operation]) -> None:
        for name in shapes.operations():
            server.implement("batch", name, _handler(name, operations.get(name)))


def _handler(name: str, operation: Operation | None) -> Callable[[dict[str, Any], Caller], dict[str, Any]]:
    def handle(parameters: dict[str, Any], caller: Caller) -> dict[str, Any]:
        if operation is None:
            raise AwsError("ServerException", f"{name} is not played by the sandbox", 501)
        if caller.region != REGION:
            raise AwsError("ServerException", f"the sandbox has AWS Batch in {REGION} only", 501)
        if name != "UntagResource":
            shapes.check(name, parameters)
        return operation(parameters)

    return handle

"""Before step 5: whether the compute environment may stand in its queues beside those that stand there."""

from collections.abc import Iterator, Mapping
from typing import Any

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.architecture import common_architecture
from specs.compute_environment import ComputeEnvironmentSpec
from specs.job_queue import JobQueueSpec
from tasks.batch_removal import queues_in_use
from tasks.compute_environment_generation import Generation, all_environments
from tasks.ownership import has_aws_mark
from tasks.step import step


@step("architecture of {generation.name} and of those beside it")
def check_queue_architecture(
    cluster: EksCluster, generation: Generation, spec: ComputeEnvironmentSpec, queue: JobQueueSpec
) -> None:
    """Refuse instances of another architecture than those of a queue's other compute environments.

    AWS Batch does not mix architectures in one queue (botocore shapes CreateJobQueueRequest and UpdateJobQueueRequest,
    member computeEnvironmentOrder), and says so only once the new compute environment is there.

    Args:
        cluster: Where.
        generation: Which compute environment stands for the name, and those that it replaces.
        spec: What it is to be.
        queue: The queue that is set up.

    Raises:
        OperationError: If a queue would have both; nothing is changed then.
    """
    types = list(spec.compute_resources.instance_types) if spec.compute_resources else []
    wanted = common_architecture(types)
    for name, beside in _neighbours(cluster, generation, queue):
        differing = {each: found for each, found in beside.items() if common_architecture(found) not in (wanted, None)}
        if wanted and differing:
            named = ", ".join(f"{each} ({', '.join(found)})" for each, found in differing.items())
            raise OperationError(
                f"job queue {name}",
                f"it would have {generation.name} with {wanted} instances ({', '.join(types)}) beside {named}",
                "all compute environments of a job queue must share one architecture, and AWS Batch refuses a mix",
                "choose instance types of the same architecture, take the others out of the queue, or give the new "
                "instances a compute environment and a queue of their own",
            )


def _neighbours(
    cluster: EksCluster, generation: Generation, wanted: JobQueueSpec
) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """By queue, the instance types of the compute environments that will stand beside the one of this setup."""
    present = generation.queue_in_front(wanted).compute_environment_order
    orders = {
        queue["jobQueueName"]: [entry["computeEnvironment"] for entry in queue.get("computeEnvironmentOrder", ())]
        for queue in queues_in_use(cluster, set())
        if _holds_it(queue, generation)
    }
    orders[wanted.job_queue_name] = [entry.compute_environment for entry in present]
    types = {
        one["computeEnvironmentName"]: list(one.get("computeResources", {}).get("instanceTypes", ()))
        for one in all_environments(cluster)
    }
    for name, order in orders.items():
        others = {each.rsplit("/", 1)[-1] for each in order} - {generation.name, *generation.outgoing}
        yield name, {each: types[each] for each in sorted(others) if each in types}


def _holds_it(queue: Mapping[str, Any], generation: Generation) -> bool:
    """Whether the compute environment stands in a queue, or will: queues of ours go over to a successor."""
    order = {entry["computeEnvironment"].rsplit("/", 1)[-1] for entry in queue.get("computeEnvironmentOrder", ())}
    return generation.name in order or (has_aws_mark(queue) and not order.isdisjoint(generation.outgoing))

"""Mirroring as a deployment: a worker that has the internet does it for one inside the VPC that waits."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from prefect import get_client, runtime
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger
from prefect.states import Cancelling
from prefect.utilities.urls import url_for

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from registry.reference import Reference
from specs.mirror import MirrorImage
from tasks.mirrored_digest import mirrored_digest
from tasks.outcome import Action, Change, Outcome
from tasks.private_registry import PrivateRegistry
from tasks.step import step

DEPLOYMENT = "mirror-images/mirror"
POLL_SECONDS = 2.0
# A worker asks its pool for work every 10 seconds or so; ten minutes without one means that none is there.
START_SECONDS = 600.0
# Enough for some 300 GB at 40 MB/s; a run whose worker died stays RUNNING for ever.
END_SECONDS = 7200.0


@step("deployment {deployment}")
def run_mirror_deployment(
    cluster: EksCluster,
    images: Sequence[MirrorImage],
    *,
    deployment: str = DEPLOYMENT,
    start_seconds: float = START_SECONDS,
    end_seconds: float = END_SECONDS,
) -> Outcome:
    """Run the deployment that mirrors images, and wait until it has ended. Network: ECR and the Prefect API.

    The deployment's own parameters say which cluster block it uses, and what its repositories have in common. A run
    that is no longer waited for is cancelled: the waiting flow was cancelled itself, or had waited long enough.

    Args:
        cluster: Gives the private registry that the images must be in afterwards.
        images: What to mirror; each names its repository.
        deployment: The deployment, as `flow/deployment`.
        start_seconds: How long the run may take to be picked up by a worker.
        end_seconds: How long it may take in all, its own retries among it.

    Raises:
        OperationError: If there is no such deployment, no worker runs it, it does not end, or it fails.
    """
    before = _digests(cluster, images)
    run = _start(deployment, images)
    get_run_logger().info("Waiting for flow run %s of %s: %s", run.name, deployment, _url(run))
    ended = _wait(run, deployment, start_seconds, end_seconds)
    _refuse_failure(ended, deployment)
    after = _digests(cluster, images)
    changes = tuple(
        Change(field=source, observed=before[source], wanted=digest)
        for source, digest in after.items()
        if digest != before[source]
    )
    action: Action = "unchanged" if not changes else "updated" if any(before.values()) else "created"
    return Outcome(
        step="mirror deployment",
        name=deployment,
        action=action,
        changes=changes,
        identifier=str(run.id),
        console_url=_url(run),
    )


def _start(deployment: str, images: Sequence[MirrorImage]) -> FlowRun:
    parameters = {"images": [image.model_dump(mode="json") for image in images], "images_file": "", "plan": False}
    # The same run of this flow never starts it twice; a retry of the flow does start it again.
    key = f"{runtime.flow_run.id}-{runtime.flow_run.run_count}-mirror"
    try:
        run = run_deployment(deployment, parameters=parameters, timeout=0, idempotency_key=key)
    except ObjectNotFound as error:
        raise OperationError(
            f"deployment {deployment}",
            "there is no such deployment",
            "it was never registered on this Prefect server, or under another name",
            "run `python -m deployments.register`",
        ) from error
    if not isinstance(run, FlowRun):
        raise TypeError("run_deployment is asynchronous here")  # only inside of async code
    return run


def _wait(run: FlowRun, deployment: str, start_seconds: float, end_seconds: float) -> FlowRun:
    begun = time.monotonic()
    with get_client(sync_client=True) as client:
        try:
            while run.state is None or not run.state.is_final():
                waited = time.monotonic() - begun
                # A run that awaits its own retry is scheduled too, but was started before.
                if run.start_time is None and waited > start_seconds:
                    raise _never_started(run, deployment, start_seconds)
                if waited > end_seconds:
                    raise _does_not_end(run, deployment, end_seconds)
                _refuse_if_cancelled(client, deployment)
                time.sleep(min(POLL_SECONDS, start_seconds, end_seconds))
                run = client.read_flow_run(run.id)
        except BaseException:
            # Nobody waits for it any more. Why we stop is the error to report, not that this fails too.
            with suppress(Exception):
                client.set_flow_run_state(run.id, Cancelling(message="The flow that waited for it has stopped."))
            raise
    return run


def _refuse_if_cancelled(client: SyncPrefectClient, deployment: str) -> None:
    """Stop together with the flow that waits: its own end is not seen in a thread of its tasks."""
    waiting = client.read_flow_run(UUID(str(runtime.flow_run.id)))
    if waiting.state and (waiting.state.is_cancelling() or waiting.state.is_final()):
        raise OperationError(
            f"deployment {deployment}",
            f"flow run {waiting.name}, which waits for it, is {waiting.state.name}",
            "it was cancelled, or ended otherwise",
            "run again: what was copied stays",
        )


def _never_started(run: FlowRun, deployment: str, seconds: float) -> OperationError:
    return OperationError(
        f"deployment {deployment}",
        f"flow run {run.name} was not started within {seconds:.0f} seconds, and was cancelled",
        f"no worker serves the work pool {run.work_pool_name}",
        f"where there is a route to the internet: prefect worker start --pool {run.work_pool_name}",
    )


def _does_not_end(run: FlowRun, deployment: str, seconds: float) -> OperationError:
    state = run.state.name if run.state else "unknown"
    return OperationError(
        f"deployment {deployment}",
        f"flow run {run.name} was started, is {state} after {seconds:.0f} seconds, and was cancelled",
        f"it copies slowly, or its worker in the work pool {run.work_pool_name} has died",
        f"see the run ({_url(run)}) and that a worker lives, then run again: what was copied stays",
    )


def _refuse_failure(run: FlowRun, deployment: str) -> None:
    if run.state and not run.state.is_completed():
        raise OperationError(
            f"deployment {deployment}",
            f"flow run {run.name} ended as {run.state.name}: {run.state.message}",
            "images could not be mirrored; what was copied stays",
            f"see the run for the cause of each ({_url(run)}), then run again",
        )


def _digests(cluster: EksCluster, images: Sequence[MirrorImage]) -> Mapping[str, str | None]:
    """The digest in the private registry by source."""
    registry = PrivateRegistry(cluster)
    with registry.client() as client:
        return {image.source: mirrored_digest(cluster, client, _target(image, registry.host)) for image in images}


def _target(image: MirrorImage, registry: str) -> Reference:
    origin = Reference.parse(image.source)
    return Reference(registry, image.repository or origin.repository, origin.tag, origin.digest)


def _url(run: FlowRun) -> str:
    url: Any = url_for("flow-run", obj_id=run.id)
    return str(url or "")

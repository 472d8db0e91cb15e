"""A tutorial step as a Prefect task: named for people, repeated only where that can heal, errors explained."""

import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError
from kubernetes.client.exceptions import ApiException
from prefect import Task, task
from prefect.cache_policies import NO_CACHE, CachePolicy
from prefect.client.schemas.objects import State, TaskRun
from prefect.runtime import flow_run
from prefect.utilities.annotations import quote

from blocks.aws_errors import explain_aws
from blocks.kubernetes_errors import explain_kubernetes
from blocks.operation_error import OperationError
from registry.errors import RegistryError, UnavailableError
from registry.retry import Retry
from tasks.cluster_lock import refuse_without_lock
from tasks.outcome import Outcome
from tasks.run_log import say

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

RETRY_SECONDS = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0]
# Causes that are worth fewer attempts.
ATTEMPTS: dict[type[Exception], int] = {
    # Packets that are dropped take their time to be noticed, 5 attempts of botocore's each time, and rarely heal.
    ConnectTimeoutError: 2,
    # The copier has tried each request again by itself: a registry whose disk is full would get dozens of uploads.
    UnavailableError: 3,
}


def can_heal(task: Task[Any, Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Prefect's retry condition: whether the error that failed the task may be gone next time.

    A plain function, since Prefect never retries with a condition of any other kind.
    """
    error = state.data
    if not (isinstance(error, OperationError) and error.can_heal):
        return False
    attempts = next((most for cause, most in ATTEMPTS.items() if isinstance(error.__cause__, cause)), None)
    return attempts is None or task_run.run_count < attempts


def as_it_is(value: T) -> T:
    """An argument of a step that Prefect passes on as it is.

    It would visit every field of every item in search of other steps' results, seconds for a list of thousands.
    """
    return cast(T, quote(value))


def step(
    run_name: str, *, retries: int = len(RETRY_SECONDS), kept_as: str = ""
) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a function a step.

    Args:
        run_name: Name of its runs in the UI, a template over the arguments such as `namespace {spec.name}`.
        retries: How often to repeat it after an error that can heal; 0 for what must not be sent twice.
        kept_as: Of a step whose answer must stay the same when its flow run is executed again: what to keep it as, in
            Prefect's result storage.

    Returns:
        A decorator. The task says an Outcome in the run's log, and raises OperationError where the function raises an
        error of AWS, Kubernetes or a registry.
    """

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        signature = inspect.signature(function)

        @wraps(function)
        def explained(*args: P.args, **kwargs: P.kwargs) -> R:
            refuse_without_lock()
            try:
                result = function(*args, **kwargs)
            except (ClientError, BotoCoreError) as error:
                raise explain_aws(error, _resource(*args, **kwargs)) from error
            except ApiException as error:
                raise explain_kubernetes(error, _resource(*args, **kwargs)) from error
            except RegistryError as error:
                raise _explain_registry(error) from error
            if isinstance(result, Outcome):
                say("%s", result.sentence)
            return result

        def _resource(*args: P.args, **kwargs: P.kwargs) -> str:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            return run_name.format(**bound.arguments)

        return task(
            task_run_name=run_name,
            retries=retries,
            retry_delay_seconds=RETRY_SECONDS,
            retry_jitter_factor=0.3,
            retry_condition_fn=can_heal,
            cache_policy=_kept_for_the_run(kept_as) if kept_as else NO_CACHE,
        )(explained)

    return decorate


def _kept_for_the_run(name: str) -> CachePolicy:
    return CachePolicy.from_cache_key_fn(lambda *_: f"{name}-{flow_run.id}" if flow_run.id else None)


def _explain_registry(error: RegistryError) -> OperationError:
    cause = error.cause or "the registry refused"
    if not isinstance(error, UnavailableError):
        next_step = error.next_step or "correct what the answer names and run again"
        return OperationError(error.resource, error.answered, cause, next_step)
    next_step, seconds = error.next_step or "run again later: what was copied is kept", error.retry_after or 0
    is_long = seconds > Retry.patience
    if is_long:
        end = datetime.now(UTC) + timedelta(seconds=seconds)
        next_step = f"run again after {end:%H:%M UTC on %d %B}, as the registry asks: what was copied is kept"
    return OperationError(error.resource, error.answered, cause, next_step, can_heal=not is_long)

"""Executes a flow run of submit_jobs in a process that dies at a given AWS call; imported by a fork server."""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

from botocore.httpsession import URLLib3Session
from prefect import get_client
from prefect.flow_engine import run_flow
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

from blocks.eks_cluster import EksCluster
from flows.submit import submit_jobs
from specs.job_request import JobRequest
from tasks import job_board, job_changes, job_submission

# ListJobs lags as long in the campaign, against SETTLE_SECONDS, as the margin of the real constants has it: 30 of 45 s.
LAG_SECONDS, _SETTLE_SECONDS, _LOOK_SECONDS = 0.2, 0.3, 0.05
_FIRST_PAUSE = 0.1


@dataclass(frozen=True)
class CrashPoint:
    """Where the process dies.

    Attributes:
        call: At which of its AWS calls, the first being 1.
        answered: After its answer has come; else before it is sent.
    """

    call: int
    answered: bool


def execute(
    environment: Mapping[str, str],
    run_id: str,
    documents: list[dict[str, Any]],
    point: CrashPoint | None,
    calls_file: Path,
) -> None:
    """Execute a flow run.

    Args:
        environment: Of the sandbox and of the Prefect server.
        run_id: The flow run.
        documents: The jobs, as SubmitJob takes them.
        point: Where to die; None to live.
        calls_file: Where the number of AWS calls is written, at the end.
    """
    os.environ.update(environment)
    # The lag of ListJobs is as short as the campaign's; task runs of single jobs make no AWS calls.
    job_submission.SETTLE_SECONDS, job_submission.LOOK_SECONDS = _SETTLE_SECONDS, _LOOK_SECONDS
    job_board.MOST_TASK_RUNS = 0
    job_changes.FIRST_PAUSE = _FIRST_PAUSE
    settings = {
        PREFECT_API_URL: environment["PREFECT_API_URL"],
        PREFECT_HOME: Path(environment["PREFECT_HOME"]),
        PREFECT_LOGGING_TO_API_ENABLED: False,
    }
    meter = _Meter(point)
    with temporary_settings(settings), meter.installed():
        with get_client(sync_client=True) as client:
            planned = client.read_flow_run(UUID(run_id))
        parameters = {
            "cluster": EksCluster(cluster_name=environment["EKS_CLUSTER"]),
            "jobs": [JobRequest.from_document(document) for document in documents],
        }
        run_flow(submit_jobs, flow_run=planned, parameters=parameters)
    calls_file.write_text(str(meter.calls))
    os._exit(0)


class _Meter:
    """Counts what boto3 sends, from whichever thread, and kills the process at the crash point."""

    def __init__(self, point: CrashPoint | None) -> None:
        self._point = point
        self._numbers = count(1)
        self.calls = 0

    def installed(self) -> Any:
        """A context in which boto3 is watched."""
        send = URLLib3Session.send

        def metered(session: URLLib3Session, request: Any) -> Any:
            self.calls = number = next(self._numbers)
            self._die_at(number, answered=False)
            answer = send(session, request)
            self._die_at(number, answered=True)
            return answer

        return patch.object(URLLib3Session, "send", metered)

    def _die_at(self, number: int, *, answered: bool) -> None:
        if self._point == CrashPoint(number, answered):
            os.kill(os.getpid(), signal.SIGKILL)

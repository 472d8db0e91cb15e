"""Where clients of AWS Batch are measured: a sandbox with AWS's quotas, set up, and a Prefect server."""

import json
import shutil
import sqlite3
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3

from benchmarks.errors import BenchmarkError
from benchmarks.jobs_order import JobsOrder, write_order
from benchmarks.measurement import measure
from demo.prefect_server import PrefectServer
from sandbox.guardian import Guardian
from sandbox.remote import RemoteSandbox

_NO_AWS = ("kubernetes", "registry")
_SETTLED_SECONDS = 1.0


@dataclass(frozen=True)
class ClientRun:
    """What a client took, as a process.

    Attributes:
        report: What it told.
        cpu_s: Processor seconds of its process.
        peak_mib: Its peak resident memory in MiB.
        calls: AWS calls that the sandbox answered, whatever the answer.
        throttled: Those of them that were one too many a second.
        rows: Rows that the Prefect server's database has more.
    """

    report: dict[str, Any]
    cpu_s: float
    peak_mib: float
    calls: int
    throttled: int
    rows: int


@dataclass
class JobsSite:
    """A context manager that starts and sets up everything.

    Args:
        work: A directory for its files.
    """

    work: Path
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._guardian = Guardian()
            self._guardian.start()
            stack.callback(self._guardian.stop)
            self._sandbox = stack.enter_context(RemoteSandbox(control_plane="embedded"))
            self._server = stack.enter_context(PrefectServer(self.work / "server"))
            self._environment = self._sandbox.env | self._server.env
            self._run([sys.executable, "-m", "benchmarks.set_up_batch"])
            self._sandbox.settings(batch_quotas=True, pods_outside_cluster=True)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def run_client(self, module: str, order: JobsOrder, python: str = sys.executable) -> ClientRun:
        """Have a client carry out an order.

        Args:
            module: The client.
            order: What it is to do.
            python: Its interpreter.

        Raises:
            BenchmarkError: It failed.
        """
        path = self.work / f"{order.name}.json"
        write_order(order, path)
        rows = self._settled_rows()
        self._sandbox.clear_calls()
        cpu_s, peak_mib = self._run([python, "-m", module, str(path)])
        calls = [call for call in self._sandbox.calls() if call["service"] not in _NO_AWS]
        submitters = {call["user"] for call in calls if call["operation"] == "SubmitJob"}
        own = [call for call in calls if call["user"] in submitters]
        return ClientRun(
            report=json.loads(Path(order.report).read_text()),
            cpu_s=cpu_s,
            peak_mib=peak_mib,
            calls=len(own),
            throttled=sum(call["status"] == 429 for call in own),
            rows=self._settled_rows() - rows,
        )

    @property
    def batch(self) -> Any:
        """AWS Batch, for whoever checks what happened."""
        environment = self._sandbox.env
        return boto3.client(
            "batch",
            endpoint_url=self._sandbox.aws_endpoint,
            region_name=environment["AWS_REGION"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        )

    def _run(self, command: list[str]) -> tuple[float, float]:
        home = self.work / "home"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        environment = self._environment | {"AIRFLOW_HOME": str(home / "airflow")}
        measured = measure(command, home, self._guardian, environment)
        if measured.exit_code:
            raise BenchmarkError(
                f"{' '.join(command)} failed with exit code {measured.exit_code}. It wrote:\n{measured.output[-3000:]}"
            )
        return measured.cpu_s, measured.peak_mib

    def _settled_rows(self) -> int:
        """Rows in all tables of the server's database, once no more are written: it takes events a while late."""
        rows, before = self._rows(), -1
        while rows != before:
            time.sleep(_SETTLED_SECONDS)
            rows, before = self._rows(), rows
        return rows

    def _rows(self) -> int:
        path = Path(self._server.env["PREFECT_HOME"]) / "prefect.db"
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            counts = (database.execute(f'SELECT count(*) FROM "{name}"') for name in names)  # noqa: S608 - its own names
            return sum(count for cursor in counts for (count,) in cursor)
        finally:
            database.close()

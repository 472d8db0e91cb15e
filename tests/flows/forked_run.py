"""Runs setup_batch or teardown in a fork of a warmed process, which may die in the midst of it."""

import json
import multiprocessing
from multiprocessing.context import ForkServerContext
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from typing import Any

from prefect import get_client

from demo.prefect_server import PrefectServer
from sandbox.remote import RemoteSandbox
from tests.flows.crashing_setup import CRASHED, run
from tests.unmeasured import unmeasured


def warmed_process() -> ForkServerContext:
    """Makes forks of a warmed process; they die before they could say what they covered."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.flows.crashing_setup"])
    with unmeasured():
        ensure_running()
    return context


def run_in_fork(
    forks: ForkServerContext,
    sandbox: RemoteSandbox,
    server: PrefectServer,
    report: Path,
    die_after: int | None,
    *,
    down: bool = False,
    replace: bool = False,
    identity: str = "auto",
) -> dict[str, Any] | None:
    """Run the flow once.

    Args:
        forks: Makes the fork.
        sandbox: Where.
        server: The Prefect server that it reports to.
        report: A file for its report.
        die_after: Die after this many mutating calls; None to live.
        down: Run teardown.
        replace: Want another namespace, which the tutorial's compute environment cannot have.
        identity: What the EKS Cluster block asks for.

    Returns:
        Its report; None when it died as asked.
    """
    report.unlink(missing_ok=True)
    process = forks.Process(target=run, args=(sandbox.env, server.env, die_after, report, down, replace, identity))
    process.start()
    process.join()
    assert process.exitcode in (0, CRASHED)
    release_lock()
    return json.loads(report.read_text()) if report.exists() else None


def release_lock() -> None:
    """A killed run holds the cluster's lock until its lease ends; a person would delete the limit, as here."""
    with get_client(sync_client=True) as client:
        for limit in client.read_global_concurrency_limits(limit=10, offset=0):
            client.delete_global_concurrency_limit_by_name(limit.name)

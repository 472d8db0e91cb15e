"""Airflow's client: its BatchOperator, in as many threads as an Airflow runs tasks at once by default.

Run by an interpreter that has apache-airflow-providers-amazon. Neither scheduler nor database take part, so what it
takes is the least that Airflow would.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from airflow.providers.amazon.aws.operators.batch import BatchOperator

from benchmarks.jobs_order import JobsOrder, carry_out

# airflow.cfg, core.parallelism
_PARALLELISM = 32


def work(order: JobsOrder) -> dict[str, Any]:
    """Execute an operator for each job."""
    begun = time.monotonic()
    with ThreadPoolExecutor(_PARALLELISM) as slots:
        ended = sum(slots.map(_execute, order.documents()))
    return {"wall_s": time.monotonic() - begun, "ended": ended}


def _execute(document: dict[str, Any]) -> bool:
    operator = BatchOperator(
        task_id=document["jobName"],
        job_name=document["jobName"],
        job_queue=document["jobQueue"],
        job_definition=document["jobDefinition"],
        eks_properties_override=document["eksPropertiesOverride"],
        # Without a connection it takes the credentials of the environment; without XComs it needs no database.
        aws_conn_id=None,
        do_xcom_push=False,
    )
    operator.execute({})
    return True


if __name__ == "__main__":
    carry_out(work)

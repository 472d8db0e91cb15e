"""Before step 11: make jobs of a table of parameters."""

from prefect.logging import get_run_logger

from specs.fault import Findings, SpecError
from specs.job_request import JobRequest
from specs.job_table import JobTable
from specs.table_jobs import check_table, table_jobs
from specs.table_rows import TableRows, typed_rows
from tasks.step import step
from tasks.table_file import read_pasted_table, read_table_file


@step("table of parameters")
def read_table_jobs(table: JobTable) -> list[JobRequest]:
    """Read a table and make its jobs.

    Args:
        table: The job, and the rows that it is submitted for.

    Returns:
        The jobs, in the order of the rows.

    Raises:
        SpecError: If the table breaks rules; all of them are listed.
    """
    found = Findings()
    check_table(table, found)
    rows = _rows(table, found)
    if rows is not None and (table.path or table.pasted or table.rows):
        rows.check(found)
    jobs = table_jobs(table, rows, found) if rows is not None and rows.cells else []
    if found.faults:
        raise SpecError("table of parameters", found.faults)
    kind = "array jobs" if jobs[0].array_properties else "jobs"
    get_run_logger().info("The rows of the table are submitted as %s %s", len(jobs), kind)
    return jobs


def _rows(table: JobTable, found: Findings) -> TableRows | None:
    if table.path:
        return read_table_file(table.path, found)
    return read_pasted_table(table.pasted, found) if table.pasted else typed_rows(table.rows, found)

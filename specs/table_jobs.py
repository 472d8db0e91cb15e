"""The jobs that the rows of a table of parameters are: one job each, or the children of array jobs.

Kubernetes expands `$(NAME)` in values of variables too, and `$$` is a dollar (Kubernetes API reference,
EnvVar.value), so every dollar of a cell is doubled: a job finds in its variables what stands in the table.
"""

import json
import re
from collections.abc import Mapping, Sequence

from specs.array_table import LARGEST_ARRAY, VARIABLE, array_name, cut, line, sent_bytes
from specs.container import EnvironmentVariable
from specs.fault import Findings
from specs.form_model import FROM_DOCUMENT
from specs.job_request import ArrayProperties, ContainerOverride, EksPropertiesOverride, JobRequest
from specs.job_request_rules import ADDED, LARGEST, LONGEST_NAME
from specs.job_table import JobTable
from specs.source import TABLES, guide, member
from specs.table_rows import TableRows

MOST_JOBS = 500
"""Rows up to which `auto` makes a job of each: ten seconds at AWS's 50 submissions a second, and a list to read."""

_UNREADABLE = re.compile(r"[\t\n\r]")
_NAME = member("SubmitJobRequest", "jobName")
_ARRAY = member("SubmitJobRequest", "arrayProperties")
_SIZE = guide("service_limits")


def check_table(table: JobTable, found: Findings) -> None:
    """Check what needs no row.

    Args:
        table: What the form holds; not empty.
        found: Takes what is found.
    """
    if sum(map(bool, (table.path, table.pasted, table.rows))) != 1:
        rule = "A table is either a file or the rows themselves."
        found.fault("table.path", table.path or None, rule, "Give one of path, pasted and rows.", TABLES)
    if table.job.array_properties:
        rule = "The rows decide how large the arrays are."
        size = table.job.array_properties.size
        found.fault("table.job.arrayProperties", size, rule, "Leave it out.", TABLES)


def table_jobs(table: JobTable, rows: TableRows, found: Findings) -> list[JobRequest]:
    """The jobs, in the order of the rows.

    Args:
        table: The job that each is made from, and how they are to be submitted.
        rows: The rows; checked.
        found: Takes what is found: rows that AWS Batch would not take.
    """
    if table.submit_as == "array" or (table.submit_as == "auto" and len(rows.cells) > MOST_JOBS):
        return _array_jobs(table.job, rows, found)
    return _row_jobs(table.job, rows, found)


def _row_jobs(job: JobRequest, rows: TableRows, found: Findings) -> list[JobRequest]:
    """A job for each row, whose cells are its variables and its parameters."""
    _check_name(f"{job.job_name}-{len(rows.cells)}", found)
    jobs = []
    for number, cells in enumerate(rows.cells, 1):
        values = {column: _literal(cell) for column, cell in zip(rows.columns, cells, strict=True)}
        parameters = {**job.parameters, **values}
        made = _with_variables(job, values).model_copy(
            update={"job_name": f"{job.job_name}-{number}", "parameters": parameters}
        )
        size = _sent_size(made)
        if size > LARGEST:
            rule = f"A submission has at most {LARGEST} bytes, that of this row has {size}."
            found.fault(f"{rows.where}, row {number}", None, rule, "Put long values into S3.", _SIZE)
        jobs.append(made)
    return jobs


def _array_jobs(job: JobRequest, rows: TableRows, found: Findings) -> list[JobRequest]:
    """Array jobs that hold their part of the table, each as large as a submission may be."""
    count = len(rows.cells)
    _check_name(array_name(job.job_name, range(count - 1, count)), found)
    _check_cells(rows, found)
    if count < 2:
        rule = f"An array has 2 to {LARGEST_ARRAY} children, the table has {count}."
        found.fault(rows.where, count, rule, "Submit as jobs.", _ARRAY)
        return []
    header, lines = line(rows.columns), [_literal(line(cells)) for cells in rows.cells]
    # The variable is in every container. The size does not depend on the text: it is counted apart.
    empty = _array_job(job, range(LARGEST_ARRAY), "")
    most = (LARGEST - _sent_size(empty)) // len(_containers(job)) - sent_bytes(header)
    sizes = [sent_bytes(each) for each in lines]
    arrays = cut(sizes, most)
    if arrays is None:
        longest = max(range(count), key=sizes.__getitem__)
        rule = (
            f"An array has {max(most, 0)} bytes for two rows at least; this one, the longest, takes {sizes[longest]}."
        )
        found.fault(
            f"{rows.where}, row {longest + 1}", None, rule, "Submit as jobs, or put long values into S3.", _SIZE
        )
        return []
    return [_array_job(job, part, header + "".join(lines[part.start : part.stop])) for part in arrays]


def _array_job(job: JobRequest, part: range, text: str) -> JobRequest:
    array = {
        "job_name": array_name(job.job_name, part),
        "array_properties": ArrayProperties(size=len(part)),
    }
    return _with_variables(job, {VARIABLE: text}).model_copy(update=array)


def _with_variables(job: JobRequest, values: Mapping[str, str]) -> JobRequest:
    """The job with variables in every container that its override names, or in the only one.

    Copies, since the job was checked and checking a copy for each of ten thousand rows takes half a minute.
    """
    override = job.eks_properties_override or EksPropertiesOverride()
    added = [_variable(name, value) for name, value in values.items()]
    containers = [
        container.model_copy(update={"env": [*(one for one in container.env if one.name not in values), *added]})
        for container in _containers(job)
    ]
    pod = override.pod_properties.model_copy(update={"containers": containers})
    changed = override.model_copy(update={"pod_properties": pod})
    return job.model_copy(update={"eks_properties_override": changed})


def _containers(job: JobRequest) -> Sequence[ContainerOverride]:
    override = job.eks_properties_override
    return (override.pod_properties.containers if override else []) or [ContainerOverride()]


def _variable(name: str, value: str) -> EnvironmentVariable:
    # Built from keywords it would not send a value that is empty.
    return EnvironmentVariable.model_validate({"name": name, "value": value}, context=FROM_DOCUMENT)


def _literal(text: str) -> str:
    return text.replace("$", "$$")


def _sent_size(job: JobRequest) -> int:
    return len(json.dumps(job.to_document())) + ADDED


def _check_name(longest: str, found: Findings) -> None:
    if len(longest) > LONGEST_NAME:
        rule = f"A job's name has at most {LONGEST_NAME} characters; {longest} has {len(longest)}."
        found.fault("table.job.jobName", None, rule, "Shorten it.", _NAME)


def _check_cells(rows: TableRows, found: Findings) -> None:
    for number, cells in enumerate(rows.cells, 1):
        for column, cell in zip(rows.columns, cells, strict=True):
            if _UNREADABLE.search(cell):
                rule = f"In an array a row is a line of {VARIABLE} and a tab parts its cells."
                fix = "Take tabs and line breaks out, or submit as jobs."
                found.fault(f"{rows.where}, row {number}, {column}", cell, rule, fix, TABLES)

"""A table of parameters, every row of which is a job: what the form asks for."""

from typing import Literal

from pydantic import ConfigDict, Field

from specs.form_model import FormModel
from specs.job_request import JobRequest


class JobTable(FormModel):
    """A job, and the table whose rows it is submitted for. Left as it is, there is no table."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"job": {"jobName": "Day"}, "pasted": "day,region\n2026-01-01,north"}]},
    )

    job: JobRequest = Field(
        default_factory=JobRequest,
        title="Job",
        description="The job that every row is made from; its name is the beginning of theirs.",
        examples=[{"jobName": "Day", "jobQueue": "My-Eks-JQ1", "jobDefinition": "MyJobOnEks_Sleep"}],
    )
    path: str = Field(
        default="",
        title="File",
        description="A file on the worker, .csv (UTF-8, commas, a header) or .parquet; empty where rows are pasted.",
        examples=["/data/days.csv", "days.parquet"],
    )
    pasted: str = Field(
        default="",
        title="Pasted rows",
        description="Rows as a spreadsheet copies them, a header first; cells parted by tabs, or by commas as in CSV.",
        examples=["day,region\n2026-01-01,north\n2026-01-02,north"],
    )
    rows: list[dict[str, str]] = Field(
        default=[],
        title="Rows",
        description="The rows one by one, each from column to value, as JSON; in arrays the columns are in "
        "alphabetical order.",
        examples=[[{"day": "2026-01-01", "region": "north"}, {"day": "2026-01-02", "region": "north"}]],
    )
    submit_as: Literal["auto", "jobs", "array"] = Field(
        default="auto",
        title="Submit as",
        description="A job for each row, or array jobs whose children are the rows; auto: arrays above 500 rows.",
        examples=["array"],
    )

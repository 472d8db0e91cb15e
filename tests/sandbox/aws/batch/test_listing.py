"""ListJobs: selectors, the one filter, pages, the delay on demand."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

QUEUE = "My-Eks-JQ1"


@pytest.fixture(scope="module")
def listed(tutorial: Any) -> Any:
    """Seven ended jobs by three names, and a running one."""
    ids = [tutorial.submit(name, ["true"]) for name in ("alpha-1", "Alpha-2", "beta", "beta", "beta", "gamma", "alpha")]
    tutorial.running = tutorial.submit("Runs", ["sleep", "120"])
    for job_id in ids:
        tutorial.job_ends(job_id)
    tutorial.job_is(tutorial.running, "RUNNING")
    tutorial.ids = ids
    return tutorial


def listing(world: Any, **parameters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.client("batch").list_jobs(jobQueue=QUEUE, **parameters)["jobSummaryList"]
    return found


def by_filter(world: Any, name: str, value: str, **parameters: Any) -> list[str]:
    filters = [{"name": name, "values": [value]}]
    return [job["jobName"] for job in listing(world, filters=filters, **parameters)]


def test_only_running_ones_by_default(listed: Any) -> None:
    (running,) = listing(listed)
    assert (running["jobId"], running["status"]) == (listed.running, "RUNNING")
    assert "isCancelled" not in running


def test_by_status(listed: Any) -> None:
    assert {job["jobId"] for job in listing(listed, jobStatus="SUCCEEDED")} == set(listed.ids)
    assert listing(listed, jobStatus="FAILED") == []
    assert listing(listed, jobStatus="SUCCEEDED")[0]["container"] == {"exitCode": 0, "reason": "Completed"}


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("ALPHA-1", ["alpha-1"]),
        ("alpha*", ["alpha", "alpha-1", "Alpha-2"]),
        ("beta", ["beta"] * 3),
        ("runs", ["Runs"]),
        ("nothing*", []),
        ("*", ["alpha", "alpha-1", "Alpha-2", "beta", "beta", "beta", "gamma", "Runs"]),
    ],
)
def test_by_name_in_any_status(listed: Any, value: str, names: list[str]) -> None:
    assert by_filter(listed, "JOB_NAME", value) == names
    assert by_filter(listed, "JOB_NAME", value, jobStatus="FAILED") == names


def test_one_name_s_newest_first(listed: Any) -> None:
    jobs = listing(listed, filters=[{"name": "JOB_NAME", "values": ["beta"]}])
    assert [job["jobId"] for job in jobs] == listed.ids[4:1:-1]


def test_by_definition(listed: Any) -> None:
    arn = listed.job(listed.running)["jobDefinition"]
    for value in ("MyJobOnEks_Sleep", "MyJob*", "MyJobOnEks_Sleep:1", arn):
        assert len(by_filter(listed, "JOB_DEFINITION", value)) == 8
    for value in ("myjobonEks_Sleep", "MyJobOnEks", "MyJobOnEks_Sleep:2", arn[:-1] + "2"):
        assert by_filter(listed, "JOB_DEFINITION", value) == []


def test_by_time(listed: Any) -> None:
    created = listed.job(listed.ids[3])["createdAt"]
    before, after = (
        by_filter(listed, "BEFORE_CREATED_AT", str(created)),
        by_filter(listed, "AFTER_CREATED_AT", str(created)),
    )
    same = sum(listed.job(job_id)["createdAt"] == created for job_id in listed.ids)
    assert len(before) + len(after) + same == 8
    assert after[0] == "Runs"
    with pytest.raises(ClientError, match="milliseconds"):
        by_filter(listed, "BEFORE_CREATED_AT", "yesterday")


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, "Exactly one of"),
        ({"jobQueue": QUEUE, "arrayJobId": "x"}, "Exactly one of"),
        ({"jobQueue": "nowhere"}, r"JobQueue nowhere not found\."),
        ({"arrayJobId": "unknown"}, "Array job unknown not found"),
        ({"multiNodeJobId": "x"}, "multi-node"),
        ({"jobQueue": QUEUE, "jobStatus": "DONE"}, "must be one of"),
        ({"jobQueue": QUEUE, "maxResults": 0}, "at least 1"),
        ({"jobQueue": QUEUE, "nextToken": "x"}, "Invalid nextToken"),
        ({"jobQueue": QUEUE, "filters": [{"name": "JOB_NAME", "values": ["a"]}] * 2}, "Only one filter"),
        ({"jobQueue": QUEUE, "filters": [{"name": "JOB_NAME", "values": ["a", "b"]}]}, "exactly one value"),
        ({"jobQueue": QUEUE, "filters": [{"name": "JOB_COLOUR", "values": ["a"]}]}, "JOB_COLOUR"),
    ],
)
def test_refused(listed: Any, parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError, match=words):
        listed.client("batch").list_jobs(**parameters)


@pytest.mark.parametrize(
    "parameters",
    [
        {"jobStatus": "SUCCEEDED"},
        {"filters": [{"name": "JOB_NAME", "values": ["*"]}]},
        {"filters": [{"name": "JOB_DEFINITION", "values": ["MyJobOnEks_Sleep"]}]},
        {"filters": [{"name": "AFTER_CREATED_AT", "values": ["0"]}]},
        {"filters": [{"name": "BEFORE_CREATED_AT", "values": ["9999999999999"]}]},
    ],
)
def test_pages_give_everything_once(listed: Any, parameters: dict[str, Any]) -> None:
    everything = [job["jobId"] for job in listing(listed, **parameters)]
    pages = (
        listed.client("batch")
        .get_paginator("list_jobs")
        .paginate(jobQueue=QUEUE, PaginationConfig={"PageSize": 3}, **parameters)
    )
    sizes: list[int] = []
    paged: list[str] = []
    for page in pages:
        sizes.append(len(page["jobSummaryList"]))
        paged.extend(job["jobId"] for job in page["jobSummaryList"])
    assert paged == everything
    assert sizes[:-1] == [3] * (len(sizes) - 1)


def test_children_are_listed_by_their_array_only(listed: Any) -> None:
    parent = listed.submit("kids", ["true"], arrayProperties={"size": 5})
    listed.job_ends(parent)
    assert by_filter(listed, "JOB_NAME", "kids") == ["kids"]
    pages = (
        listed.client("batch")
        .get_paginator("list_jobs")
        .paginate(arrayJobId=parent, jobStatus="SUCCEEDED", PaginationConfig={"PageSize": 2})
    )
    children = [[job["arrayProperties"]["index"] for job in page["jobSummaryList"]] for page in pages]
    assert children == [[0, 1], [2, 3], [4]]
    assert listed.client("batch").list_jobs(arrayJobId=parent)["jobSummaryList"] == []


def test_a_page_is_bounded(listed: Any) -> None:
    """1,000 jobs by status, 100 by filter [B:ListJobsRequest.maxResults]."""
    parent = listed.submit("wide", ["true"], arrayProperties={"size": 1200}, dependsOn=[{"jobId": listed.running}])
    listed.job_is(f"{parent}:1199", "PENDING")
    batch = listed.client("batch")
    page = batch.list_jobs(arrayJobId=parent, jobStatus="PENDING", maxResults=5000)
    assert len(page["jobSummaryList"]) == 1000
    rest = batch.list_jobs(arrayJobId=parent, jobStatus="PENDING", nextToken=page["nextToken"])
    assert len(rest["jobSummaryList"]) == 200
    many = [listed.submit("many", dependsOn=[{"jobId": listed.running}]) for _ in range(101)]
    filters = [{"name": "JOB_NAME", "values": ["many"]}]
    assert len(listing(listed, filters=filters, maxResults=1000)) == 100
    for start in range(0, len(many), 50):
        batch.cancel_jobs(jobs=many[start : start + 50], reason="enough seen")
    batch.cancel_job(jobId=parent, reason="enough seen")


def test_listing_lags_on_demand(listed: Any) -> None:
    listed.control("POST", "/_sandbox/settings", {"list_jobs_delay": 0.7})
    job_id = listed.submit("hidden", ["true"])
    listed.control("POST", "/_sandbox/settings", {"list_jobs_delay": 0})
    assert listed.job(job_id)["jobName"] == "hidden"
    assert by_filter(listed, "JOB_NAME", "hidden") == []
    listed.wait(lambda: by_filter(listed, "JOB_NAME", "hidden") == ["hidden"])

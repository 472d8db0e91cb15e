"""What a report says of many jobs, of what they took, and of long logs."""

from typing import Any

import pytest

from tasks import job_report
from tasks.job import JobResult, vcpu_hours
from tasks.job_progress import vcpu_hours_of

HOUR = 3_600_000


def result(number: int, **more: Any) -> JobResult:
    return JobResult.model_validate({"job_name": f"job-{number}", "job_id": str(number), "status": "SUCCEEDED", **more})


def test_failures_have_their_rows_first_and_what_is_left_out_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_report, "_ROWS", 3)
    jobs = [*(result(number) for number in range(5)), result(5, status="FAILED"), result(6, explanation="it hangs")]
    shown = job_report._markdown(jobs, [])
    rows = [line.split("]")[0] for line in shown.splitlines() if line.startswith("| [")]
    assert rows == ["| [job-5", "| [job-6", "| [job-0"]
    assert "4 more jobs have no row here: 4 SUCCEEDED." in shown


def test_a_log_s_end_says_how_much_was_cut_and_where_it_is() -> None:
    text = "".join(f"{number}\n" for number in range(1000, 1100))
    shown = job_report._markdown(
        [result(0, log=text, log_lines=2100, log_size=20_000, log_note="All of it: there")], []
    )
    assert "\n1099\n```\n\n2,080 lines (19.4 KiB) more were cut. All of it: there" in shown
    assert "1079" not in shown


def job(cpu: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"eksProperties": {"podProperties": {"containers": [{"resources": cpu}]}}, **more}


def test_vcpu_hours_are_those_of_all_attempts_each_once() -> None:
    attempts = [{"startedAt": HOUR, "stoppedAt": 2 * HOUR}, {"startedAt": 4 * HOUR, "stoppedAt": 5 * HOUR}]
    ended = job({"limits": {"cpu": "0.5"}}, status="FAILED", startedAt=4 * HOUR, stoppedAt=5 * HOUR)
    assert vcpu_hours({**ended, "eksAttempts": attempts}, 9 * HOUR) == 1.0
    running = job({"requests": {"cpu": "2"}, "limits": {"cpu": "4"}}, status="RUNNING", startedAt=HOUR)
    assert vcpu_hours(running, 3 * HOUR) == 4.0
    assert vcpu_hours(job({}, status="RUNNABLE"), 3 * HOUR) == 0.0


def test_vcpu_hours_of_arrays_are_said_to_be_missing() -> None:
    assert vcpu_hours_of([result(0, vcpu_hours=1.25), result(1, vcpu_hours=1)]) == "vCPU hours: 2.25"
    array = result(2, children={"SUCCEEDED": 3})
    assert vcpu_hours_of([result(0, vcpu_hours=1), array]) == "vCPU hours: at least 1.00, array jobs not counted"

"""The Python that the documentation shows does what it says."""

import re
from pathlib import Path

import pytest

from sandbox.remote import RemoteSandbox

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "real-account.md").read_text()
(SNIPPET,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("sandbox", ["embedded"], indirect=True)
@pytest.mark.usefixtures("prefect_server")
def test_the_python_for_a_real_account_runs(sandbox: RemoteSandbox) -> None:
    """Both jobs are submitted; one of them sleeps for a minute, which the demo waits for and this test does not."""
    submission = "submit_jobs(cluster) "
    assert submission in SNIPPET
    exec(SNIPPET.replace(submission, "submit_jobs(cluster, wait=False) "), {})
    called = [call["operation"] for call in sandbox.calls()]
    assert called.count("CreateJobQueue") == 1
    assert called.count("SubmitJob") == 2

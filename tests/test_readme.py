"""What the README tells people to type works."""

import re
from pathlib import Path

import pytest

from sandbox.remote import RemoteSandbox

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
(SNIPPET,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_every_make_target_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z-]+)", README)) <= targets


def test_every_module_that_the_readme_runs_exists() -> None:
    for module in re.findall(r"python -m ([a-z.]+)", README):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


def test_every_picture_in_the_readme_exists() -> None:
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / picture).is_file(), picture


@pytest.mark.parametrize("sandbox", ["embedded"], indirect=True)
@pytest.mark.usefixtures("prefect_server")
def test_the_python_of_the_readme_runs(sandbox: RemoteSandbox) -> None:
    """Both jobs are submitted; one of them sleeps for a minute, which the demo waits for and this test does not."""
    submission = "submit_jobs(cluster) "
    assert submission in SNIPPET
    exec(SNIPPET.replace(submission, "submit_jobs(cluster, wait=False) "), {})
    called = [call["operation"] for call in sandbox.calls()]
    assert called.count("CreateJobQueue") == 1
    assert called.count("SubmitJob") == 2

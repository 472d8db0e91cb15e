"""The command line, as a process of its own."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

from .conftest import World


def run(world: World, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    encoded = base64.b64encode(f"AWS:{world.password()}".encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {world.private.address: {"auth": encoded}}}))
    environment = {
        **os.environ,
        "DOCKER_CONFIG": str(tmp_path),
        "REGISTRY_HOSTS": f"public.ecr.aws=http://{world.upstream.address}",
    }
    command = [sys.executable, "-m", "registry", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_the_digest_is_all_that_is_on_standard_output(world: World, tmp_path: Path) -> None:
    source, destination = "public.ecr.aws/amazonlinux/amazonlinux:2", str(world.destination())
    done = run(world, tmp_path, "copy", source, destination)
    assert (done.returncode, done.stdout) == (0, f"{world.tags()['v1']}\n")
    assert done.stderr.count("copied sha256:") == 6
    again = run(world, tmp_path, "copy", source, destination)
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert "copied sha256:" not in again.stderr


def test_platforms_and_an_authfile_are_options(world: World, tmp_path: Path) -> None:
    run(world, tmp_path, "copy", "public.ecr.aws/amazonlinux/amazonlinux:2", str(world.destination()))
    done = run(
        world,
        tmp_path,
        *("copy", str(world.destination()), str(world.destination(tag="arm")), "--plain-http"),
        *("--platform", "linux/arm64", "--authfile", str(tmp_path / "config.json")),
    )
    assert (done.returncode, done.stdout) == (0, f"{world.tags()['arm']}\n")


def test_a_failure_is_one_line_and_status_1(world: World, tmp_path: Path) -> None:
    done = run(world, tmp_path, "copy", "public.ecr.aws/no/such:1", str(world.destination()))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: public.ecr.aws/no/such:1: 404 Not Found. Cause: no such image. "
        "Next: check the name, and that it was pushed.\n"
    )


def test_wrong_usage_is_status_2(world: World, tmp_path: Path) -> None:
    for arguments in (
        ("copy", "https://quay.io/a", "b.io/c"),
        ("copy", "a.io/a", "b.io/c", "--platform", "linux"),
        ("copy", "a.io/a", "b.io/c", "--authfile", str(tmp_path / "none")),
        ("copy", "a.io/a"),
        (),
    ):
        done = run(world, tmp_path, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "error:" in done.stderr
        assert "Traceback" not in done.stderr

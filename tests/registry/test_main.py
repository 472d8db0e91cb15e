"""The command line, as a process of its own."""

import base64
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from .conftest import World

IMAGE = "public.ecr.aws/amazonlinux/amazonlinux:2"


def environment(world: World, tmp_path: Path) -> Mapping[str, str]:
    encoded = base64.b64encode(f"AWS:{world.password()}".encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {world.private.address: {"auth": encoded}}}))
    return {
        **{name: value for name, value in os.environ.items() if name != "REGISTRY_AUTH_FILE"},
        "DOCKER_CONFIG": str(tmp_path),
        "REGISTRY_HOSTS": f"public.ecr.aws=http://{world.upstream.address}",
        "TERM": "xterm",
    }


def run(world: World, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "registry", *arguments]
    env = environment(world, tmp_path)
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


def test_the_digest_is_all_that_is_on_standard_output(world: World, tmp_path: Path) -> None:
    destination = str(world.destination())
    done = run(world, tmp_path, "copy", IMAGE, destination)
    assert (done.returncode, done.stdout) == (0, f"{world.tags()['v1']}\n")
    assert done.stderr.count("copied sha256:") == 6
    again = run(world, tmp_path, "copy", IMAGE, destination)
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert "copied sha256:" not in again.stderr


def test_platforms_and_an_authfile_are_options(world: World, tmp_path: Path) -> None:
    run(world, tmp_path, "copy", IMAGE, str(world.destination()))
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
        ("copy", "a.io/a", "b.io/c", "--also-tag", ".."),
        ("copy", "a.io/a"),
        ("inspect", "a.io/a", "b.io/c"),
        (),
    ):
        done = run(world, tmp_path, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "error:" in done.stderr
        assert "Traceback" not in done.stderr


def test_further_tags_and_referrers_are_options(world: World, tmp_path: Path) -> None:
    image = world.publish("signed/image", "1", [b"layer"])
    subject = {"mediaType": image.media_type, "digest": image.digest, "size": len(image.content)}
    world.publish("signed/image", "signature", [b"signature"], subject=subject)
    arguments = ("public.ecr.aws/signed/image:1", str(world.destination()), "--also-tag", "v1-abc", "--also-tag", "v2")
    done = run(world, tmp_path, "copy", *arguments, "--include-referrers")
    assert (done.returncode, world.tags()) == (0, dict.fromkeys(["v1", "v1-abc", "v2"], image.digest))
    assert done.stderr.endswith("were there, 1 referrers pushed\n")


def test_inspect_shows_a_document_or_the_bytes(world: World, tmp_path: Path) -> None:
    held = world.upstream.repositories.find("amazonlinux/amazonlinux")
    assert held is not None
    index = held.manifests[held.tags["2"]]
    shown = run(world, tmp_path, "inspect", IMAGE)
    document = json.loads(shown.stdout)
    assert (shown.returncode, document["name"], document["digest"]) == (0, IMAGE, index.digest)
    assert [one["platform"] for one in document["platforms"]] == ["linux/amd64", "linux/arm64/v8"]
    assert run(world, tmp_path, "inspect", "--raw", IMAGE).stdout.encode() == index.content
    child = run(world, tmp_path, "inspect", "--raw", "--platform", "linux/arm64", IMAGE)
    assert child.stdout.encode() == held.manifests[index.children[1]].content
    failed = run(world, tmp_path, "inspect", "--platform", "linux/s390x", IMAGE)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "no image for platform linux/s390x" in failed.stderr


def test_a_terminal_gets_a_bar_and_the_digest_stays_alone(world: World, tmp_path: Path) -> None:
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "registry", "copy", IMAGE, str(world.destination())]
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=slave, env=environment(world, tmp_path), check=True
        )
        os.write(slave, b"END")
        drawn = ""
        while not drawn.endswith("END"):
            drawn += os.read(master, 65536).decode()
    finally:
        os.close(master)
        os.close(slave)
    assert done.stdout.decode() == f"{world.tags()['v1']}\n"
    frames = drawn.split("\r")
    assert any(" blobs" in frame and " MB/s" in frame for frame in frames)
    # What stays on the screen: the bar is wiped, then comes the summary.
    assert "copied sha256:" not in drawn
    assert frames[-2].startswith("\x1b[K")
    assert "6 blobs" in frames[-2]


def test_a_copy_goes_on_when_nobody_reads_what_it_tells(world: World, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "registry", "copy", IMAGE, str(world.destination())]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        env = environment(world, tmp_path)
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=writing, env=env, check=False)
        assert (done.returncode, done.stdout.decode()) == (0, f"{world.tags()['v1']}\n")
        # The answer itself goes to nobody: that is a failure, and one without a traceback.
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, env=env, check=False)
        assert done.returncode == 1
        assert b"-> " in done.stderr.splitlines()[-1]
    finally:
        os.close(writing)


def test_an_interrupt_ends_it_at_once_and_keeps_the_tag(world: World, tmp_path: Path) -> None:
    world.publish("big/image", "1", [bytes(200_000_000)])
    command = [sys.executable, "-m", "registry", "copy", "public.ecr.aws/big/image:1", str(world.destination())]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment(world, tmp_path))
    while not any(one.startswith("PUT") for one in list(world.private.faults.requests)):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert (process.returncode, world.tags()) == (130, {})
    assert told.splitlines()[-1].startswith("interrupted:")
    assert "Traceback" not in told
    assert run(world, tmp_path, "copy", "public.ecr.aws/big/image:1", str(world.destination())).returncode == 0
    assert set(world.tags()) == {"v1"}


def test_an_interrupt_does_not_wait_for_a_silent_registry(world: World, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        image = f"127.0.0.1:{silent.getsockname()[1]}/a/b:1"
        command = [sys.executable, "-m", "registry", "copy", image, str(world.destination())]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment(world, tmp_path))
        connection, _ = silent.accept()
        with connection:
            connection.recv(1)
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=30)
    assert (process.returncode, told.count("interrupted:"), "Traceback" in told) == (130, 1, False)

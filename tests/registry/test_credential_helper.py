"""Credential helpers: real programs on the PATH."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from registry.credential_helper import CredentialHelper
from registry.credentials import Basic, IdentityToken
from registry.docker_config import DockerConfig
from registry.errors import UnauthorizedError

Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a helper: a shell script that finds the server in $server."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def write(name: str, script: str) -> None:
        program = tmp_path / f"docker-credential-{name}"
        program.write_text(
            f'#!/bin/sh\nread -r server\ntest "$1" = get || exit 9\necho "$server" >> {tmp_path}/asked\n{script}\n'
        )
        program.chmod(0o755)

    return write


def answering(username: str, secret: str) -> str:
    document = json.dumps({"ServerURL": "x", "Username": username, "Secret": secret})
    return f"echo '{document}'"


def test_a_helper_answers_with_a_password_or_an_identity_token(install: Install) -> None:
    install("pass", answering("me", "s3cret"))
    install("acr", answering("<token>", "refresh"))
    assert CredentialHelper("pass").get("quay.io") == Basic("me", "s3cret")
    assert CredentialHelper("acr").get("my.azurecr.io") == IdentityToken("refresh")


def test_what_a_helper_does_not_know_is_nobody(install: Install) -> None:
    install("none", "echo 'credentials not found in native keychain'; exit 1")
    install("empty", answering("", ""))
    assert CredentialHelper("none").get("quay.io") is None
    assert CredentialHelper("empty").get("quay.io") is None


def test_a_helper_is_asked_anew_after_a_while(install: Install, tmp_path: Path) -> None:
    install("ecr-login", answering("AWS", "one"))
    now = 0.0
    helper = CredentialHelper("ecr-login", clock=lambda: now)
    assert [helper.get("a.io") for _ in range(3)] == [Basic("AWS", "one")] * 3
    assert (tmp_path / "asked").read_text() == "a.io\n"
    install("ecr-login", answering("AWS", "two"))
    now = 3600.0
    assert helper.get("a.io") == Basic("AWS", "two")


@pytest.mark.parametrize(
    ("script", "answered"),
    [
        ("echo 'the store is locked'; exit 1", "status 1: the store is locked"),
        ("echo 'no display' >&2; exit 2", "status 2: no display"),
        ("exit 3", "status 3"),
        (f"{answering('me', 's3cret')}; exit 1", "status 1"),
        ("echo s3cret", "no JSON with Username and Secret"),
        ("echo '[\"s3cret\"]'", "no JSON with Username and Secret"),
        ('echo \'{"Username": "me", "secret": "s3cret"}\'', "no JSON with Username and Secret"),
    ],
)
def test_a_helper_that_fails_is_named_and_no_secret_shown(install: Install, script: str, answered: str) -> None:
    install("broken", script)
    with pytest.raises(
        UnauthorizedError, match=rf"quay\.io: the credential helper docker-credential-broken .*{answered}\."
    ) as caught:
        CredentialHelper("broken").get("quay.io")
    assert "s3cret" not in f"{caught.value} {caught.value!r}"


def test_a_helper_that_is_missing_or_no_program_says_what_to_do(install: Install, tmp_path: Path) -> None:
    with pytest.raises(UnauthorizedError, match=r"docker-credential-desktop is not on the PATH.*install it"):
        CredentialHelper("desktop").get("quay.io")
    install("text", "")
    (tmp_path / "docker-credential-text").write_text("no program")
    with pytest.raises(UnauthorizedError, match=r"cannot be run.*executable"):
        CredentialHelper("text").get("quay.io")


def test_a_hosts_own_helper_then_the_file_then_the_store(install: Install, tmp_path: Path) -> None:
    install("ecr-login", answering("AWS", "x"))
    install("desktop", answering("stored", "x"))
    path = tmp_path / "config.json"
    path.write_text(
        json.dumps(
            {
                "auths": {
                    "123.dkr.ecr.us-east-1.amazonaws.com": {"auth": "b2xkOng="},
                    "quay.io/team": {"auth": "ZmlsZTp4"},
                    "https://index.docker.io/v1/": {},
                },
                "credHelpers": {"123.dkr.ecr.us-east-1.amazonaws.com": "ecr-login"},
                "credsStore": "desktop",
            }
        )
    )
    config = DockerConfig.read(path)
    assert config("123.dkr.ecr.us-east-1.amazonaws.com", "team/app") == Basic("AWS", "x")
    assert config("quay.io", "team/app") == Basic("file", "x")
    assert config("docker.io", "library/busybox") == Basic("stored", "x")
    assert config("quay.io", "other") == Basic("stored", "x")
    asked = (tmp_path / "asked").read_text().split()
    assert asked == ["123.dkr.ecr.us-east-1.amazonaws.com", "https://index.docker.io/v1/", "quay.io"]

"""Credentials in the files that logins leave."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.credentials import Basic, IdentityToken
from registry.docker_config import DockerConfig


def entry(username: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


def read(tmp_path: Path, **members: Any) -> DockerConfig:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(members))
    return DockerConfig.read(path)


def test_a_docker_config_is_read_by_host(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        auths={
            "123.dkr.ecr.us-east-1.amazonaws.com": entry("AWS", "pa:ss"),
            "https://index.docker.io/v1/": {"username": "me", "password": "x"},
            "https://old.io/v2/": entry("old", "x"),
            "quay.io": {},
        },
        HttpHeaders={"User-Agent": "docker"},
    )
    assert config("123.dkr.ecr.us-east-1.amazonaws.com", "team/app") == Basic("AWS", "pa:ss")
    assert config("docker.io", "library/busybox") == Basic("me", "x")
    assert config("old.io", "v2/app") == Basic("old", "x")
    assert config("quay.io", "team/app") is None
    assert config("ghcr.io", "team/app") is None


def test_the_most_specific_key_wins(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        auths={
            "quay.io": entry("host", "x"),
            "quay.io/team": entry("team", "x"),
            "quay.io/team/app": entry("app", "x"),
            "localhost:5000/team": entry("local", "x"),
            "https://quay.io": entry("url", "x"),
            "docker.io/grafana": entry("grafana", "x"),
        },
    )
    names = {
        path: found.username if isinstance(found := config(*path.split("/", 1)), Basic) else None
        for path in (
            "quay.io/other",
            "quay.io/team/other/app",
            "quay.io/team/app",
            "quay.io/team/app/more",
            "quay.io/teams",
            "localhost:5000/team/app",
            "localhost:5000/other",
            "docker.io/grafana/grafana",
            "docker.io/library/busybox",
        )
    }
    assert list(names.values()) == ["host", "team", "app", "app", "host", "local", None, "grafana", None]


words = st.text("ab", min_size=1, max_size=2)
paths = st.lists(words, min_size=1, max_size=4).map("/".join)


@given(st.sets(paths, max_size=6), paths)
def test_the_key_found_is_the_longest_that_holds_the_repository(keys: set[str], path: str) -> None:
    config = DockerConfig({f"r.io/{key}": Basic(key, "x") for key in keys}, {})
    found = config("r.io", path)
    holding = [key for key in keys if f"{path}/".startswith(f"{key}/")]
    assert found == (Basic(max(holding, key=len), "x") if holding else None)


def test_an_identity_token_stands_in_for_the_password(tmp_path: Path) -> None:
    azure = entry("00000000-0000-0000-0000-000000000000", "") | {"identitytoken": "refresh"}
    assert read(tmp_path, auths={"my.azurecr.io": azure})("my.azurecr.io", "app") == IdentityToken("refresh")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("\xff", "not JSON"),
        ("[]", "'auths' is not an object"),
        ('{"auths": ["s3cret"]}', "'auths' is not an object"),
        ('{"auths": {"a": {"auth": "!s3cret"}}}', "the entry of 'a'"),
        ('{"auths": {"a": {"auth": "czNjcmV0"}}}', "the entry of 'a'"),
        ('{"auths": {"a": "s3cret"}}', "the entry of 'a'"),
        ('{"credHelpers": {"a": "../s3cret"}}', "name of a credential helper"),
        ('{"credsStore": ["s3cret"]}', "name of a credential helper"),
    ],
)
def test_a_file_of_another_form_is_refused_without_showing_it(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=rf"config\.json.*{reason}") as caught:
        DockerConfig.read(path)
    assert "s3cret" not in str(caught.value)


def test_the_file_is_found_where_the_tools_look(tmp_path: Path) -> None:
    assert DockerConfig.default_path({"REGISTRY_AUTH_FILE": "/a/auth.json"}) == Path("/a/auth.json")
    assert DockerConfig.default_path({"DOCKER_CONFIG": "/b"}) == Path("/b/config.json")
    assert DockerConfig.default_path({}) == Path.home() / ".docker" / "config.json"
    podman = tmp_path / "containers" / "auth.json"
    podman.parent.mkdir()
    podman.write_text("{}")
    environment = {"XDG_RUNTIME_DIR": str(tmp_path), "DOCKER_CONFIG": str(tmp_path)}
    assert DockerConfig.default_path(environment) == podman
    (tmp_path / "config.json").write_text("{}")
    assert DockerConfig.default_path(environment) == tmp_path / "config.json"


def test_a_secret_shows_in_no_repr() -> None:
    assert "s3cret" not in f"{Basic('AWS', 's3cret')!r} {IdentityToken('s3cret')!r}"

import base64
import json
from pathlib import Path

import pytest

from registry.credentials import Anonymous, Basic, DockerConfig


def test_a_docker_config_is_read_by_host(tmp_path: Path) -> None:
    encoded = base64.b64encode(b"AWS:pa:ss").decode()
    path = tmp_path / "config.json"
    path.write_text(
        json.dumps(
            {
                "auths": {
                    "123.dkr.ecr.us-east-1.amazonaws.com": {"auth": encoded},
                    "https://index.docker.io/v1/": {"username": "me", "password": "x"},
                    "quay.io": {},
                },
                "credsStore": "ignored",
            }
        )
    )
    config = DockerConfig.read(path)
    assert config("123.dkr.ecr.us-east-1.amazonaws.com") == Basic("AWS", "pa:ss")
    assert config("docker.io") == Basic("me", "x")
    assert config("quay.io") == Anonymous()
    assert config("ghcr.io") is None


@pytest.mark.parametrize("text", ["", "[]", '{"auths": {"a": {"auth": "!s3cret"}}}', '{"auths": {"a": "s3cret"}}'])
def test_a_file_of_another_form_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"config\.json") as caught:
        DockerConfig.read(path)
    assert "s3cret" not in str(caught.value)


def test_the_file_is_found_where_the_tools_look(tmp_path: Path) -> None:
    assert DockerConfig.default_path({"REGISTRY_AUTH_FILE": "/a/auth.json"}) == Path("/a/auth.json")
    assert DockerConfig.default_path({"DOCKER_CONFIG": "/b"}) == Path("/b/config.json")
    assert DockerConfig.default_path({}) == Path.home() / ".docker" / "config.json"


def test_a_password_shows_in_no_repr() -> None:
    assert "s3cret" not in repr(Basic("AWS", "s3cret"))

import pytest

from registry.challenge import Challenge


@pytest.mark.parametrize(
    ("header", "scheme", "parameters"),
    [
        (
            'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
            "bearer",
            {
                "realm": "https://auth.docker.io/token",
                "service": "registry.docker.io",
                "scope": "repository:a/b:pull,push",
            },
        ),
        (
            'Basic realm="http://h/",service="ecr.amazonaws.com"',
            "basic",
            {"realm": "http://h/", "service": "ecr.amazonaws.com"},
        ),
        ('BASIC realm="a \\"quoted\\" one"', "basic", {"realm": 'a "quoted" one'}),
        ("bearer realm=plain, service=s", "bearer", {"realm": "plain", "service": "s"}),
    ],
)
def test_a_challenge_is_read(header: str, scheme: str, parameters: dict[str, str]) -> None:
    challenge = Challenge.parse(header)
    assert challenge is not None
    assert (challenge.scheme, dict(challenge.parameters)) == (scheme, parameters)


def test_an_unknown_scheme_is_none() -> None:
    assert Challenge.parse("Negotiate abc") is None

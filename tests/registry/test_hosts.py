import pytest

from registry.hosts import Hosts


def test_a_host_is_redirected_and_the_others_keep_their_own_address() -> None:
    hosts = Hosts.parse("public.ecr.aws=http://127.0.0.1:5001, x.io=https://mirror.example:8443/")
    assert hosts.endpoint("public.ecr.aws") == "http://127.0.0.1:5001"
    assert hosts.endpoint("x.io") == "https://mirror.example:8443"
    assert hosts.endpoint("quay.io") == "https://quay.io"
    assert hosts.endpoint("docker.io") == "https://registry-1.docker.io"


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "127.0.0.1:5000", "127.3.2.1", "[::1]:5000"])
def test_loopback_is_reached_over_plain_http(host: str) -> None:
    assert Hosts().endpoint(host) == f"http://{host}"


def test_plain_http_is_for_hosts_that_are_not_redirected() -> None:
    hosts = Hosts.parse("a.io=https://b.io", plain_http=True)
    assert hosts.endpoint("a.io") == "https://b.io"
    assert hosts.endpoint("c.io:80") == "http://c.io:80"


@pytest.mark.parametrize(
    "text", ["public.ecr.aws", "=http://a", "a=ftp://b", "a=http://", "a=http://b/path", "a=http://u:p@b"]
)
def test_an_entry_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="registry host"):
        Hosts.parse(text)


def test_credentials_in_an_address_are_not_repeated_in_the_error() -> None:
    with pytest.raises(ValueError, match="credentials") as caught:
        Hosts.parse("a.io=http://user:s3cret@b.io")
    assert "s3cret" not in str(caught.value)

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.reference import InvalidReferenceError, Reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("busybox:1.36", "docker.io/library/busybox:1.36"),
        ("grafana/grafana", "docker.io/grafana/grafana:latest"),
        ("docker.io/busybox", "docker.io/library/busybox:latest"),
        ("index.docker.io/busybox", "docker.io/library/busybox:latest"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app:1", "localhost:5000/app:1"),
        ("127.0.0.1:5000/a/b/c:1", "127.0.0.1:5000/a/b/c:1"),
        ("[::1]:5000/app", "[::1]:5000/app:latest"),
        ("MyHost/app", "MyHost/app:latest"),
        ("public.ecr.aws/amazonlinux/amazonlinux:2", "public.ecr.aws/amazonlinux/amazonlinux:2"),
        (f"quay.io/a/b@{DIGEST}", f"quay.io/a/b@{DIGEST}"),
        (f"quay.io/a/b:1@{DIGEST}", f"quay.io/a/b:1@{DIGEST}"),
        ("quay.io/a__b/c---d.e_f", "quay.io/a__b/c---d.e_f:latest"),
    ],
)
def test_references_are_completed_as_docker_completes_them(text: str, full: str) -> None:
    assert str(Reference.parse(text)) == full


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "repository name"),
        ("Busybox", "lower case"),
        ("quay.io/Team/app", "lower case"),
        ("quay.io/team/app:", "tag"),
        ("quay.io/team/app:-1", "tag"),
        ("quay.io/team/app:" + "x" * 129, "tag"),
        ("quay.io/team//app", "repository name"),
        ("quay.io/../../etc/passwd", "repository name"),
        ("quay.io/a..b", "repository name"),
        ("quay.io/a___b", "repository name"),
        ("quay.io/app@sha256:abc", "sha256"),
        ("quay.io/app@" + DIGEST.upper(), "sha256"),
        ("quay.io/app@md5:" + "a" * 32, "sha256"),
        ("https://quay.io/app", "scheme"),
        ("docker://quay.io/app", "scheme"),
        ("a" * 64, "image id"),
        ("user@host/app", "sha256"),
        ("quay.io:port/app", "host"),
        ("quay.io/" + "a" * 256, "longer"),
        ("quay.io/app name", "repository name"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_the_rule(text: str, reason: str) -> None:
    with pytest.raises(InvalidReferenceError, match=reason):
        Reference.parse(text)


words = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)
components = st.builds(
    lambda first, rest: first + "".join(separator + word for separator, word in rest),
    words,
    st.lists(st.tuples(st.sampled_from([".", "_", "__", "-", "---"]), words), max_size=2),
)
hosts = st.one_of(
    st.just("localhost"),
    st.builds("{}.{}".format, words, words),
    st.builds("{}:{}".format, words, st.integers(1, 65535)),
)
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
digests = st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:{}".format)


@given(hosts, st.lists(components, min_size=1, max_size=4), st.none() | tags, st.none() | digests)
def test_a_full_reference_is_taken_apart_and_put_together_again(
    host: str, path: list[str], tag: str | None, digest: str | None
) -> None:
    repository = "/".join(path)
    text = f"{host}/{repository}" + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    parsed = Reference.parse(text)
    assert (parsed.host, parsed.repository, parsed.digest) == (host, repository, digest)
    assert parsed.tag == (tag or (None if digest else "latest"))
    assert Reference.parse(str(parsed)) == parsed


@given(st.text(max_size=60))
def test_any_text_is_either_refused_or_stable(text: str) -> None:
    try:
        parsed = Reference.parse(text)
    except InvalidReferenceError:
        return
    assert Reference.parse(str(parsed)) == parsed
    assert ".." not in parsed.repository.split("/")

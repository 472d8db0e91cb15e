import re
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
        # What distribution/reference's own tests call valid.
        ("test.com:5000", "docker.io/library/test.com:5000"),
        ("test_com/foo", "docker.io/test_com/foo:latest"),
        ("192.168.0.1:80", "docker.io/library/192.168.0.1:80"),
        ("test:5000/repo:tag", "test:5000/repo:tag"),
        ("[2001:db8:1:2:3:4:5:6]/repo:tag", "[2001:db8:1:2:3:4:5:6]/repo:tag"),
        ("xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com/myimage:xn--n3h.com"),
        ("docker.io/library/foo/bar", "docker.io/library/foo/bar:latest"),
        ("docker.io/" + "a" * 64, f"docker.io/library/{'a' * 64}:latest"),
        ("FOO/bar", "FOO/bar:latest"),
        ("a/" * 127 + "a", f"docker.io/{'a/' * 127}a:latest"),
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
        # What distribution/reference's own tests call invalid.
        (":justtag", "repository name"),
        ("@" + DIGEST, "repository name"),
        ("-docker.io/docker/docker", "host"),
        ("docker///docker", "repository name"),
        ("docker/", "repository name"),
        ("____/____", "repository name"),
        ("dock-.er/docker", "host"),
        ("fc00::1:5000/debian", "host"),
        ("[fe80::1%eth0]:5000/debian", "host"),
        ("[2001:db8:3:4::192.0.2.33]:5000/debian", "host"),
        ("[2001:db8::1]:5000", "tag"),
        ("a/" * 128 + "a:tag", "longer"),
        # Paths out of the repository, and texts that a URL would read otherwise.
        ("../../x", "host"),
        ("quay.io/a/../b", "repository name"),
        ("quay.io/a/./b", "repository name"),
        ("quay.io/a%2f..%2fb", "repository name"),
        ("quay.io/a?b=c", "repository name"),
        ("quay.io/a#b", "repository name"),
        ("quay.io/a\\b", "repository name"),
        ("quay.io/a:1\n", "tag"),
        ("quay.io\r\nX: y/a", "host"),
        ("quay.io/é", "repository name"),
        ("quay.io/app:٣", "tag"),
        ("file:///etc/passwd", "scheme"),
        ("user:password@quay.io/app", "sha256"),
        # What nothing could be connected to.
        ("quay.io:65536/app", "host"),
        ("quay.io:0/app", "host"),
        ("quay.io:" + "9" * 5000 + "/app", "host"),
        ("[::::]/app", "host"),
        ("a" * 64 + ".io/app", "host"),
        (".".join(["a" * 60] * 5) + "/app", "host"),
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


def parse_as_distribution_does(text: str) -> tuple[str, str, str, str] | None:
    """Host, path, tag and digest by the grammar that reference.go of distribution/reference states."""
    if re.fullmatch("[a-f0-9]{64}", text):
        return None
    first, slash, rest = text.partition("/")
    if slash and first == "index.docker.io":
        host, remainder = "docker.io", rest
    elif slash and (first == "localhost" or "." in first or ":" in first or first.lower() != first):
        host, remainder = first, rest
    else:
        host, remainder = "docker.io", text
    if host == "docker.io" and "/" not in remainder:
        remainder = f"library/{remainder}"
    label = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
    component = r"[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*"
    match = re.fullmatch(
        rf"((?:{label}(?:\.{label})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?)/({component}(?:/{component})*)"
        r"(?::([a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}))?(?:@(sha256:[a-f0-9]{64}))?",
        f"{host}/{remainder}",
    )
    if match is None:
        return None
    found_host, path, tag, digest = (group or "" for group in match.groups())
    return found_host, path, tag, digest


pieces = st.sampled_from(
    [
        *("a", "b0", "A", "é", "٣", "localhost", "docker.io", "index.docker.io", "library", "5000", "[::1]"),
        *(
            ".",
            "..",
            "-",
            "_",
            "__",
            "___",
            "/",
            "//",
            ":",
            "@",
            " ",
            "\n",
            "%2f",
            "?",
            "#",
            "\\",
            DIGEST,
            f"@{DIGEST}",
        ),
    ]
)


@given(st.lists(pieces, max_size=9).map("".join))
def test_what_is_accepted_and_what_is_read_is_what_distribution_reads(text: str) -> None:
    try:
        parsed = Reference.parse(text)
    except InvalidReferenceError:
        assert parse_as_distribution_does(text) is None
        return
    host, path, tag, digest = parsed.host, parsed.repository, parsed.tag, parsed.digest
    assert parse_as_distribution_does(text) in (
        (host, path, tag or "", digest or ""),
        (host, path, "", digest or "") if tag == "latest" else None,
    )


@given(st.text(max_size=60))
def test_any_text_is_either_refused_or_stable(text: str) -> None:
    try:
        parsed = Reference.parse(text)
    except InvalidReferenceError:
        return
    assert Reference.parse(str(parsed)) == parsed
    assert ".." not in parsed.repository.split("/")

"""The pull-through cache: what a pull gets, from the internet and from inside a private VPC."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from sandbox.registries.faults import Fault
from sandbox.registries.image_pull import ImagePuller, PullError
from sandbox.registries.pull_through import Rule
from sandbox.registries.registry import PrivateRegistry, UpstreamRegistry
from sandbox.registries.repositories import TagMutability

from .conftest import Clock, Pusher
from .test_upstream import DIGEST_OF_2

CACHED = "cache/amazonlinux/amazonlinux"
MANIFEST = f"/v2/{CACHED}/manifests/2"
DAY = 24 * 3600.0


@pytest.fixture
def private(upstream: UpstreamRegistry, private: PrivateRegistry) -> PrivateRegistry:
    """The private registry with a rule for public.ecr.aws."""
    private.pull_through.endpoints = {"public.ecr.aws": f"http://{upstream.address}"}
    private.pull_through.no_route = "no-route.test"
    private.pull_through.rules["cache"] = Rule("cache", "public.ecr.aws")
    return private


@pytest.fixture
def from_vpc(private: PrivateRegistry) -> Iterator[httpx.Client]:
    """A client that is logged in and sits in the private VPC."""
    password, _ = private.tokens.issue()
    with httpx.Client(base_url=f"http://{private.vpc_address}", auth=("AWS", password)) as client:
        yield client


def soon(question: Callable[[], object]) -> None:
    """Wait for the import, which goes on after the pull."""
    deadline = time.monotonic() + 10
    while not question():
        assert time.monotonic() < deadline, "not imported"
        time.sleep(0.01)


def pull(private: PrivateRegistry, http: httpx.Client, tag: str = "2") -> str:
    """Pull a tag and wait until it is cached; gives its digest."""
    digest = http.get(f"/v2/{CACHED}/manifests/{tag}").raise_for_status().headers["Docker-Content-Digest"]

    def cached() -> bool:
        held = private.repositories.find(CACHED)
        return held is not None and held.tags.get(tag) == digest

    soon(cached)
    return str(digest)


def move_tag(upstream: UpstreamRegistry) -> None:
    """Let tag 2 mean what 2023 means."""
    repository = upstream.repositories.find("amazonlinux/amazonlinux")
    assert repository is not None
    repository.tags["2"] = repository.tags["2023"]


def test_the_first_pull_imports_the_whole_image(private: PrivateRegistry, http: httpx.Client) -> None:
    assert pull(private, http) == DIGEST_OF_2
    held = private.repositories.find(CACHED)
    assert held is not None
    index = held.manifests[DIGEST_OF_2]
    assert set(index.children) < set(held.manifests)
    assert {blob for child in index.children for blob in held.manifests[child].blobs} == held.blobs
    assert all(private.repositories.blobs.size(blob) for blob in held.blobs)


def test_until_it_is_imported_blobs_lie_at_the_upstream(
    private: PrivateRegistry, upstream: UpstreamRegistry, http: httpx.Client, from_vpc: httpx.Client
) -> None:
    private.pull_through.import_delay = lambda: 60.0
    try:
        child = http.get(MANIFEST).json()["manifests"][0]["digest"]
        config = http.get(f"/v2/{CACHED}/manifests/{child}").json()["config"]["digest"]
        for method in ("GET", "HEAD"):
            location = http.request(method, f"/v2/{CACHED}/blobs/{config}").headers["Location"]
            assert location.startswith(upstream.storage_url)
            shut = from_vpc.request(method, f"/v2/{CACHED}/blobs/{config}").headers["Location"]
            assert httpx.URL(shut).host == "no-route.test"
        assert httpx.get(location).json()["os"] == "linux"
    finally:
        private.pull_through.import_delay = lambda: 0.0


def test_inside_the_vpc_the_first_pull_imports_nothing_and_later_pulls_work(
    private: PrivateRegistry, http: httpx.Client, from_vpc: httpx.Client
) -> None:
    assert from_vpc.get(MANIFEST).status_code == 200
    assert private.repositories.find(CACHED) is None
    pull(private, http)
    child = from_vpc.get(MANIFEST).json()["manifests"][0]["digest"]
    config = from_vpc.get(f"/v2/{CACHED}/manifests/{child}").json()["config"]["digest"]
    location = from_vpc.get(f"/v2/{CACHED}/blobs/{config}").headers["Location"]
    assert location.startswith(private.storage_url)


def test_a_node_in_the_vpc_starts_cached_images_only(private: PrivateRegistry, http: httpx.Client) -> None:
    image = f"{private.address}/{CACHED}:2"
    with pytest.raises(PullError) as refused:
        ImagePuller(private).pull(image)
    message = str(refused.value)
    assert message.startswith(
        f'Failed to pull image "{image}": rpc error: code = DeadlineExceeded desc = failed to pull and unpack image '
        f'"{image}": failed to copy: httpReadSeeker: failed open: failed to do request: Get "http://no-route.test/'
    )
    assert message.endswith("dial tcp: i/o timeout")
    digest = pull(private, http)
    assert ImagePuller(private).pull(image).digest == digest
    with pytest.raises(PullError, match="not found"):
        ImagePuller(private).pull(f"{private.address}/{CACHED}:no-such-tag")


def test_a_tag_is_looked_up_once_a_day(
    private: PrivateRegistry, upstream: UpstreamRegistry, http: httpx.Client, clock: Clock
) -> None:
    before = pull(private, http)
    move_tag(upstream)
    clock.now += DAY - 1
    password, _ = private.tokens.issue()
    http.auth = httpx.BasicAuth("AWS", password)
    assert http.get(MANIFEST).headers["Docker-Content-Digest"] == before
    clock.now += 2
    after = pull(private, http)
    assert after != before
    # What pods are pinned to stays.
    assert http.get(f"/v2/{CACHED}/manifests/{before}").status_code == 200


def test_a_tag_that_moved_breaks_pulls_from_inside_the_vpc_but_not_those_by_digest(
    private: PrivateRegistry, upstream: UpstreamRegistry, http: httpx.Client, clock: Clock
) -> None:
    digest = pull(private, http)
    move_tag(upstream)
    clock.now += DAY + 1
    puller = ImagePuller(private)
    with pytest.raises(PullError, match="httpReadSeeker"):
        puller.pull(f"{private.address}/{CACHED}:2")
    assert puller.pull(f"{private.address}/{CACHED}@{digest}").digest == digest


@pytest.mark.parametrize("reason", ["unreachable", "removed", "immutable"])
def test_what_is_cached_is_served_where_nothing_newer_can_be_had(
    private: PrivateRegistry, upstream: UpstreamRegistry, http: httpx.Client, clock: Clock, reason: str
) -> None:
    digest = pull(private, http)
    clock.now += DAY + 1
    if reason == "unreachable":
        private.pull_through.endpoints = {}
    elif reason == "removed":
        upstream.repositories.delete("amazonlinux/amazonlinux")
    else:
        move_tag(upstream)
        held = private.repositories.find(CACHED)
        assert held is not None
        held.mutability = TagMutability("IMMUTABLE")
    assert ImagePuller(private).pull(f"{private.address}/{CACHED}:2").digest == digest


@pytest.mark.parametrize(
    ("path", "code"), [("cache/no/such", "NAME_UNKNOWN"), ("other/amazonlinux/amazonlinux", "NAME_UNKNOWN")]
)
def test_what_no_upstream_has_is_not_found(private: PrivateRegistry, http: httpx.Client, path: str, code: str) -> None:
    answer = http.get(f"/v2/{path}/manifests/2")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, code)


def test_an_upstream_that_wants_credentials(
    private: PrivateRegistry, http: httpx.Client, clock: Clock, tmp_path: Path
) -> None:
    hub = UpstreamRegistry(tmp_path, clock, login=("me", "right"))
    hub.start()
    try:
        private.pull_through.endpoints = {"registry-1.docker.io": f"http://{hub.address}"}
        rules = private.pull_through.rules
        rules["cache"] = Rule("cache", "registry-1.docker.io", login=lambda: ("me", "wrong"))
        error = http.get(MANIFEST).json()["errors"][0]
        assert error["code"] == "DENIED"
        assert error["message"].startswith("The authentication to the upstream registry failed.")
        with pytest.raises(PullError, match="authentication to the upstream"):
            ImagePuller(private).pull(f"{private.address}/{CACHED}:2")
        assert private.pull_through.validate(rules["cache"]) == error["message"]
        rules["cache"] = Rule("cache", "registry-1.docker.io", login=lambda: ("me", "right"))
        assert private.pull_through.validate(rules["cache"]) == ""
        assert pull(private, http) == DIGEST_OF_2
    finally:
        hub.stop()


@pytest.mark.parametrize(
    ("prefix", "upstream_prefix", "name", "theirs"),
    [
        ("cache", "ROOT", "cache/a/b", "a/b"),
        ("cache", "ROOT", "cachet/a", None),
        ("cache", "ROOT", "cache", None),
        ("ROOT", "ROOT", "a/b", "a/b"),
        ("cache", "live", "cache/app", "live/app"),
    ],
)
def test_which_repository_is_whose(prefix: str, upstream_prefix: str, name: str, theirs: str | None) -> None:
    assert Rule(prefix, "public.ecr.aws", upstream_prefix).upstream_repository(name) == theirs


def test_the_longest_prefix_decides(private: PrivateRegistry, http: httpx.Client) -> None:
    rules = private.pull_through.rules
    rules["ROOT"], rules["cache"] = Rule("ROOT", "quay.io"), Rule("cache", "quay.io")
    rules["cache/amazonlinux"] = Rule("cache/amazonlinux", "public.ecr.aws", "amazonlinux")
    assert pull(private, http) == DIGEST_OF_2


def test_nothing_is_mounted_out_of_the_cache(private: PrivateRegistry, http: httpx.Client, pusher: Pusher) -> None:
    pull(private, http)
    private.blob_mounting = True
    blob = sorted(private.repositories.find(CACHED).blobs)[0]  # type: ignore[union-attr]
    query = {"mount": blob, "from": CACHED}
    assert http.post("/v2/team/app/blobs/uploads/", params=query).status_code == 202


def test_without_its_rule_a_cached_image_stays(private: PrivateRegistry, http: httpx.Client) -> None:
    pull(private, http)
    private.pull_through.rules.clear()
    assert http.get(MANIFEST).status_code == 200
    assert http.get(f"/v2/{CACHED}/manifests/2023").status_code == 404


def test_an_import_that_breaks_is_begun_anew_by_the_next_pull(
    private: PrivateRegistry, upstream: UpstreamRegistry, http: httpx.Client
) -> None:
    upstream.faults.add(Fault("GET", "^/storage/", status=500))
    http.get(MANIFEST).raise_for_status()
    soon(lambda: any("/storage/" in request for request in upstream.faults.requests))
    soon(lambda: http.get(MANIFEST) and private.repositories.find(CACHED))
    assert pull(private, http) == DIGEST_OF_2

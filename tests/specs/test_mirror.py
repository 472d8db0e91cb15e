"""Lists of images to mirror: what the form and a file may hold, and the tags that mirrored digests keep."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from specs.fault import SpecError
from specs.mirror import MirrorImage, MirrorRepositories, MirrorSpec, moving_tag, permanent_tag

TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True)
DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:{}".format)


def test_a_source_is_all_that_an_image_needs() -> None:
    spec = MirrorSpec.model_validate({"images": [{"source": "busybox"}]})
    assert spec.images[0] == MirrorImage(source="busybox")
    assert spec.repositories.named("library/busybox").to_document() == {"repositoryName": "library/busybox"}


def test_repositories_share_their_settings() -> None:
    settings = {
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "latest"}],
        "imageScanningConfiguration": {"scanOnPush": True},
        "encryptionConfiguration": {"encryptionType": "KMS"},
        "tags": [{"Key": "team", "Value": "data"}],
    }
    repositories = MirrorRepositories.model_validate({**settings, "prefix": "mirror", "lifecyclePolicy": {}})
    assert repositories.named("mirror/a").to_document() == {"repositoryName": "mirror/a", **settings}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"images": []}, "at least 1"),
        ({"images": [{"source": ""}]}, "images.0.source"),
        ({"images": [{"source": "a", "sorce": "b"}]}, "images.0.sorce"),
        ({"images": [{"source": "a", "pin": "sha256:12"}]}, "images.0.pin"),
        ({"images": [{"source": "a", "platforms": ["amd64"]}]}, "images.0.platforms.0"),
        ({"images": [{"source": "a", "repository": "Not A Name"}]}, r"images\[0\].repository: repositoryName"),
        ({"images": [{"source": "a"}], "repositories": {"prefx": "p"}}, "prefx"),
        ({"images": [{"source": "a"}], "repositories": {"prefix": "P"}}, "repositories.prefix"),
        ({"images": [{"source": "a"}], "repositories": {"imageTagMutability": "IMMUTABEL"}}, "Did you mean IMMUTABLE?"),
        (
            {"images": [{"source": "a"}], "repositories": {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"}},
            "needs one to five filters",
        ),
    ],
)
def test_a_fault_is_named(document: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        MirrorSpec.model_validate(document)


def test_a_name_that_is_no_repository_is_refused() -> None:
    with pytest.raises(SpecError, match="must match"):
        MirrorRepositories().named("../../x")


@given(TAGS, DIGESTS)
def test_a_permanent_tag_is_a_tag_and_tells_where_it_comes_from(tag: str, digest: str) -> None:
    permanent = permanent_tag(tag, digest)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", permanent)
    assert permanent.endswith(f"-{digest[7:19]}")
    assert tag.startswith(moving_tag(permanent, digest) or "?")
    if len(tag) <= 115:
        assert moving_tag(permanent, digest) == tag


def test_other_tags_are_not_permanent() -> None:
    digest = "sha256:" + "a" * 64
    assert moving_tag("2", digest) is None
    assert moving_tag("2-bbbbbbbbbbbb", digest) is None
    assert moving_tag("-" + "a" * 12, digest) is None

"""Lists of images made concrete: what goes where, and every fault before the first call."""

import pytest

from blocks.operation_error import OperationError
from specs.mirror import MirrorSpec
from tasks.mirror_order import MirrorOrder, mirror_orders

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
DIGEST = "sha256:" + "a" * 64


def orders(*images: dict[str, object], prefix: str = "") -> list[MirrorOrder]:
    spec = MirrorSpec.model_validate({"images": images, "repositories": {"prefix": prefix}})
    return mirror_orders(spec, REGISTRY)


@pytest.mark.parametrize(
    ("image", "prefix", "place"),
    [
        ({"source": "busybox"}, "", "library/busybox:latest"),
        ({"source": "public.ecr.aws/amazonlinux/amazonlinux:2"}, "mirror/", "mirror/amazonlinux/amazonlinux:2"),
        ({"source": "quay.io/a/b:1", "repository": "tools/b"}, "mirror", "tools/b:1"),
        ({"source": f"quay.io/a/b@{DIGEST}"}, "", f"a/b:{DIGEST}"),
        ({"source": "quay.io/a/b:1", "pin": DIGEST}, "", "a/b:1"),
    ],
)
def test_an_image_gets_its_own_name_behind_the_prefix(image: dict[str, object], prefix: str, place: str) -> None:
    (order,) = orders(image, prefix=prefix)
    assert order.place == place


def test_a_pin_decides_which_image_is_copied() -> None:
    (order,) = orders({"source": "quay.io/a/b:1", "pin": DIGEST, "platforms": ["linux/amd64"]})
    assert str(order.source) == f"quay.io/a/b:1@{DIGEST}"
    assert order.platforms == ("linux/amd64",)


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(OperationError) as refused:
        orders(
            {"source": "https://quay.io/a/b"},
            {"source": "../../x"},
            {"source": f"{REGISTRY}/a/b:1"},
            {"source": "999999999999.dkr-ecr.eu-west-1.on.aws/a/b:1"},
            {"source": f"quay.io/a/b@{DIGEST}", "pin": "sha256:" + "b" * 64},
            {"source": "quay.io/same:1"},
            {"source": "docker.io/same:1", "repository": "same"},
        )
    message = str(refused.value)
    assert "images[0] https://quay.io/a/b: " in message
    assert "images[1] ../../x: " in message
    assert "images[2]" in message
    assert message.count("it is in a private ECR already") == 2
    assert "leave one of them out" in message
    assert "quay.io/same:1, docker.io/library/same:1: all would become same:1" in message
    assert "nothing was copied" in message

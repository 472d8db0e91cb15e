"""The architecture of instance types, by their names."""

import pytest

from specs.architecture import architecture_of, common_architecture


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        *((name, "ARM") for name in ("a1", "m6g", "c7gn.16xlarge", "im4gn", "g5g.xlarge", "hpc7g", "default_arm64")),
        *((name, "x86") for name in ("m5", "g4dn.xlarge", "g6", "u-6tb1.metal", "p4d", "optimal", "default_x86_64")),
        ("M5", None),
    ],
)
def test_graviton_is_the_g_behind_the_generation(name: str, architecture: str | None) -> None:
    assert architecture_of(name) == architecture


def test_only_one_architecture_is_common() -> None:
    assert common_architecture(["m5", "optimal"]) == "x86"
    assert common_architecture(["m5", "m6g"]) is None
    assert common_architecture([]) is None

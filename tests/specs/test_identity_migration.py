import pytest

from specs.identity_choice import Identity
from specs.identity_migration import MigratingEnvironment, refuse_migration

BOTH = "API_AND_CONFIG_MAP"


def environment(name: str, state: str = "", *, ours: bool = True) -> MigratingEnvironment:
    return MigratingEnvironment(name=name, namespace="batch", desired_state=state, is_ours=ours)


@pytest.mark.parametrize(
    ("mode", "to", "environments", "words"),
    [
        ("CONFIG_MAP", "access-entry", [environment("one")], "authenticationMode=API_AND_CONFIG_MAP"),
        ("API", "aws-auth", [environment("one")], "never will again"),
        (BOTH, "access-entry", [], "run setup_batch"),
        (BOTH, "access-entry", [environment("one"), environment("theirs", ours=False)], "by these flows: theirs"),
        (BOTH, "aws-auth", [environment("theirs", "ENABLED", ours=False)], "accessEntry={desiredState=DISABLED}"),
    ],
)
def test_refused(mode: str, to: Identity, environments: list[MigratingEnvironment], words: str) -> None:
    assert words in str(refuse_migration(mode, to, environments))


@pytest.mark.parametrize(
    ("mode", "to", "environments"),
    [
        (BOTH, "access-entry", [environment("one"), environment("theirs", "ENABLED", ours=False)]),
        (BOTH, "aws-auth", [environment("one", "ENABLED"), environment("two", "DISABLED")]),
        ("API", "access-entry", [environment("one")]),
        ("CONFIG_MAP", "aws-auth", [environment("one")]),
    ],
)
def test_open(mode: str, to: Identity, environments: list[MigratingEnvironment]) -> None:
    assert refuse_migration(mode, to, environments) is None

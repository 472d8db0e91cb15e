"""The table of eks-access-entries as a choice: every combination has an outcome or a reason."""

from itertools import product

import pytest

from specs.identity_choice import Asked, ClusterIdentity, IdentityChoice, IdentityRefusal, choose_identity

BOTH = "API_AND_CONFIG_MAP"
MODES = ("CONFIG_MAP", BOTH, "API")
STATES = ("ENABLED", "DISABLED", "INHERIT_FROM_CLUSTER")
FIRST: dict[str, str] = {}
SECOND = {"My-Eks-CE0": ""}


def choice(identity: str, state: str) -> IdentityChoice:
    return IdentityChoice.model_validate({"identity": identity, "desired_state": state})


@pytest.mark.parametrize(
    ("mode", "state", "others", "outcome"),
    [
        ("CONFIG_MAP", "ENABLED", FIRST, "has no access entries"),
        ("CONFIG_MAP", "ENABLED", SECOND, "has no access entries"),
        ("CONFIG_MAP", "DISABLED", FIRST, choice("aws-auth", "DISABLED")),
        ("CONFIG_MAP", "DISABLED", SECOND, choice("aws-auth", "DISABLED")),
        ("CONFIG_MAP", "INHERIT_FROM_CLUSTER", FIRST, choice("aws-auth", "INHERIT_FROM_CLUSTER")),
        ("CONFIG_MAP", "INHERIT_FROM_CLUSTER", SECOND, choice("aws-auth", "INHERIT_FROM_CLUSTER")),
        (BOTH, "ENABLED", FIRST, choice("access-entry", "ENABLED")),
        (BOTH, "ENABLED", SECOND, "My-Eks-CE0 (not set)"),
        (BOTH, "DISABLED", FIRST, choice("aws-auth", "DISABLED")),
        (BOTH, "DISABLED", SECOND, choice("aws-auth", "DISABLED")),
        (BOTH, "INHERIT_FROM_CLUSTER", FIRST, choice("aws-auth", "INHERIT_FROM_CLUSTER")),
        (BOTH, "INHERIT_FROM_CLUSTER", SECOND, choice("aws-auth", "INHERIT_FROM_CLUSTER")),
        ("API", "ENABLED", FIRST, choice("access-entry", "ENABLED")),
        ("API", "ENABLED", SECOND, choice("access-entry", "ENABLED")),
        ("API", "DISABLED", FIRST, "does not read aws-auth"),
        ("API", "DISABLED", SECOND, "does not read aws-auth"),
        ("API", "INHERIT_FROM_CLUSTER", FIRST, choice("access-entry", "INHERIT_FROM_CLUSTER")),
        ("API", "INHERIT_FROM_CLUSTER", SECOND, choice("access-entry", "INHERIT_FROM_CLUSTER")),
    ],
)
def test_the_table(mode: str, state: str, others: dict[str, str], outcome: IdentityChoice | str) -> None:
    # The clusters of the table's rows as a setup finds them: only in mode API an earlier environment had an entry made.
    observed = ClusterIdentity(mode=mode, has_entry=mode == "API" and bool(others), others=others)
    chosen = choose_identity(observed, desired_state=state)
    if isinstance(outcome, str):
        assert outcome in str(chosen)
    else:
        assert chosen == outcome


@pytest.mark.parametrize(
    ("observed", "asked", "outcome"),
    [
        (ClusterIdentity(mode="CONFIG_MAP"), "auto", choice("aws-auth", "")),
        (ClusterIdentity(mode=BOTH), "auto", choice("aws-auth", "")),
        (ClusterIdentity(mode=BOTH, has_entry=True, others=SECOND), "auto", choice("access-entry", "ENABLED")),
        (ClusterIdentity(mode="API"), "auto", choice("access-entry", "ENABLED")),
        (ClusterIdentity(mode=BOTH, others={"x": "ENABLED"}), "access-entry", choice("access-entry", "ENABLED")),
        (ClusterIdentity(mode=BOTH, others={"x": "DISABLED"}), "access-entry", "x (DISABLED)"),
        (ClusterIdentity(mode="CONFIG_MAP"), "access-entry", "authenticationMode=API_AND_CONFIG_MAP"),
        (ClusterIdentity(mode=BOTH), "aws-auth", choice("aws-auth", "")),
        (ClusterIdentity(mode=BOTH, has_entry=True), "aws-auth", "comes before aws-auth"),
        (ClusterIdentity(mode="API"), "aws-auth", "does not read aws-auth"),
    ],
)
def test_the_block_s_choice(observed: ClusterIdentity, asked: Asked, outcome: IdentityChoice | str) -> None:
    chosen = choose_identity(observed, asked)
    assert outcome in str(chosen) if isinstance(outcome, str) else chosen == outcome


@pytest.mark.parametrize(
    ("others", "outcome"),
    [
        ({"x": "DISABLED"}, choice("aws-auth", "DISABLED")),
        ({"x": "ENABLED"}, "x (ENABLED)"),
        ({"x": ""}, "x (not set)"),
    ],
)
def test_the_way_back_is_open_when_all_others_have_gone_it(
    others: dict[str, str], outcome: IdentityChoice | str
) -> None:
    observed = ClusterIdentity(mode=BOTH, has_entry=True, others=others)
    chosen = choose_identity(observed, desired_state="DISABLED")
    assert outcome in str(chosen) if isinstance(outcome, str) else chosen == outcome


def test_nothing_is_chosen_that_the_mode_does_not_have_and_every_refusal_says_what_to_do() -> None:
    asked: tuple[Asked, ...] = ("auto", "aws-auth", "access-entry")
    entries = (False, True)
    for mode, has_entry, others, wish, state in product(MODES, entries, (FIRST, SECOND), asked, ("", *STATES)):
        observed = ClusterIdentity(mode=mode, has_entry=has_entry and mode != "CONFIG_MAP", others=others)
        chosen = choose_identity(observed, wish, state)
        if isinstance(chosen, IdentityRefusal):
            assert chosen.answer
            assert chosen.cause
            assert chosen.next_step
        else:
            assert (chosen.identity, mode) not in {("aws-auth", "API"), ("access-entry", "CONFIG_MAP")}
            assert wish in ("auto", chosen.identity)

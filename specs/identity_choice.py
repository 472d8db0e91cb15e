"""How Batch is made known to a cluster: by aws-auth or by an access entry, chosen before anything is changed."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

Identity = Literal["aws-auth", "access-entry"]
Asked = Literal["auto", "aws-auth", "access-entry"]

_TO_BOTH_MODES = (
    "add access entries to the cluster (aws eks update-cluster-config --name ... --access-config "
    "authenticationMode=API_AND_CONFIG_MAP; there is no way back), or use aws-auth"
)


class ClusterIdentity(BaseModel):
    """What a cluster and its compute environments say about identities.

    Attributes:
        mode: The cluster's `accessConfig.authenticationMode`.
        has_entry: Whether Batch has an access entry there, which then comes before aws-auth.
        others: The other compute environments on the cluster, with the desiredState of each; empty where it has none.
    """

    model_config = ConfigDict(frozen=True)

    mode: str
    has_entry: bool = False
    others: Mapping[str, str] = {}


class IdentityChoice(BaseModel):
    """How Batch will be known.

    Attributes:
        identity: By aws-auth with RBAC, or by an access entry with access policies.
        desired_state: `accessEntry.desiredState` of the compute environment; empty to leave it out.
    """

    model_config = ConfigDict(frozen=True)

    identity: Identity
    desired_state: str = ""


class IdentityRefusal(BaseModel):
    """Why what was asked for cannot work.

    Attributes:
        answer: What was asked, and what is there.
        cause: The rule that is broken.
        next_step: What a person should do.
    """

    model_config = ConfigDict(frozen=True)

    answer: str
    cause: str
    next_step: str


def choose_identity(
    observed: ClusterIdentity, asked: Asked = "auto", desired_state: str = ""
) -> IdentityChoice | IdentityRefusal:
    """Choose by the table of the user guide's eks-access-entries.

    A cluster that reads both keeps what is in use there: the access entry where Batch has one, and aws-auth otherwise,
    also in a first setup, as the tutorial does it. An entry is made for all compute environments of the cluster or for
    none, so that it is not for one setup to change over unasked.

    Args:
        observed: The cluster.
        asked: The choice in the EKS Cluster block.
        desired_state: `accessEntry.desiredState` of the compute environment's document; empty where it has none.
            ENABLED asks for an access entry, DISABLED for aws-auth.
    """
    for_entry, for_map = asked == "access-entry", asked == "aws-auth"
    if (for_entry and desired_state == "DISABLED") or (for_map and desired_state == "ENABLED"):
        return IdentityRefusal(
            answer=f"the EKS Cluster block asks for {asked}, the compute environment for desiredState {desired_state}",
            cause="the two contradict each other",
            next_step="leave accessEntry out of the compute environment, or set identity_mapping of the block to auto",
        )
    for_entry, for_map = for_entry or desired_state == "ENABLED", for_map or desired_state == "DISABLED"
    if observed.mode == "CONFIG_MAP":
        return _with_config_map(desired_state, for_entry=for_entry)
    if observed.mode == "API":
        return _with_entries(desired_state, for_map=for_map)
    if for_entry:
        return _over_to_entry(observed, desired_state)
    if for_map:
        return _back_to_config_map(observed, desired_state)
    if observed.has_entry:
        return IdentityChoice(identity="access-entry", desired_state=desired_state or "ENABLED")
    return IdentityChoice(identity="aws-auth", desired_state=desired_state)


def _with_config_map(desired_state: str, *, for_entry: bool) -> IdentityChoice | IdentityRefusal:
    if for_entry:
        return IdentityRefusal(
            answer="an access entry was asked for, and the cluster's authentication mode is CONFIG_MAP",
            cause="a cluster in this mode has no access entries: Batch would record the wish and make none",
            next_step=_TO_BOTH_MODES,
        )
    return IdentityChoice(identity="aws-auth", desired_state=desired_state)


def _with_entries(desired_state: str, *, for_map: bool) -> IdentityChoice | IdentityRefusal:
    if for_map:
        what = f"desiredState {desired_state}" if desired_state == "DISABLED" else "aws-auth"
        return IdentityRefusal(
            answer=f"{what} was asked for, and the cluster's authentication mode is API",
            cause="a cluster in this mode does not read aws-auth, so that Batch would have no way in, and no cluster "
            "goes back to a mode that reads it",
            next_step="set identity_mapping of the EKS Cluster block to auto or access-entry, and leave accessEntry "
            "out of the compute environment",
        )
    return IdentityChoice(identity="access-entry", desired_state=desired_state or "ENABLED")


def _over_to_entry(observed: ClusterIdentity, desired_state: str) -> IdentityChoice | IdentityRefusal:
    if observed.has_entry:
        return IdentityChoice(identity="access-entry", desired_state=desired_state or "ENABLED")
    if desired_state == "INHERIT_FROM_CLUSTER":
        return IdentityRefusal(
            answer="an access entry was asked for with desiredState INHERIT_FROM_CLUSTER, and Batch has none here",
            cause="on a cluster that reads aws-auth too, INHERIT_FROM_CLUSTER never makes one",
            next_step="leave accessEntry out of the compute environment: it is then ENABLED",
        )
    return _unless_others_differ(observed, "ENABLED", "access-entry", "makes its entry")


def _back_to_config_map(observed: ClusterIdentity, desired_state: str) -> IdentityChoice | IdentityRefusal:
    if not observed.has_entry:
        return IdentityChoice(identity="aws-auth", desired_state=desired_state)
    if desired_state != "DISABLED":
        return IdentityRefusal(
            answer="aws-auth was asked for, and Batch has an access entry on the cluster",
            cause="the entry comes before aws-auth, and bypasses Kubernetes RBAC",
            next_step="run the flow migrate_identity to aws-auth, or set accessEntry.desiredState of every compute "
            "environment on the cluster to DISABLED",
        )
    return _unless_others_differ(observed, "DISABLED", "aws-auth", "takes its entry away")


def _unless_others_differ(
    observed: ClusterIdentity, state: str, identity: Identity, what: str
) -> IdentityChoice | IdentityRefusal:
    differing = {name: held or "not set" for name, held in observed.others.items() if held != state}
    if not differing:
        return IdentityChoice(identity=identity, desired_state=state)
    named = ", ".join(f"{name} ({held})" for name, held in sorted(differing.items()))
    return IdentityRefusal(
        answer=f"desiredState {state} was asked for, and other compute environments on the cluster have another: "
        f"{named}",
        cause=f"Batch {what} only when every compute environment on the cluster, in its account and region, has "
        f"desiredState {state}",
        next_step=f"run the flow migrate_identity to {identity}, which changes all of them, or leave the identity as "
        "it is",
    )

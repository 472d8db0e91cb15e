"""When all compute environments of a cluster can go over from aws-auth to access entries, or back."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from specs.identity_choice import Identity, IdentityRefusal

DESIRED_STATES: dict[Identity, str] = {"access-entry": "ENABLED", "aws-auth": "DISABLED"}


class MigratingEnvironment(BaseModel):
    """A compute environment on the cluster.

    Attributes:
        name: Its name.
        namespace: Batch's namespace of it.
        desired_state: Its `accessEntry.desiredState`; empty where nobody set one.
        is_ours: Whether these flows made it.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    namespace: str
    desired_state: str
    is_ours: bool


def refuse_migration(mode: str, to: Identity, environments: Sequence[MigratingEnvironment]) -> IdentityRefusal | None:
    """Why the compute environments of a cluster cannot go over; None where they can.

    Batch makes or takes away its entry only when all of them agree, so that one which is not ours and differs keeps all
    of them where they are (AWS Batch User Guide, eks-access-entries).

    Args:
        mode: The cluster's `accessConfig.authenticationMode`.
        to: Where to.
        environments: Every compute environment on the cluster, in the account and region.
    """
    if (mode, to) == ("CONFIG_MAP", "access-entry"):
        return IdentityRefusal(
            answer="its authentication mode is CONFIG_MAP",
            cause="a cluster in this mode has no access entries",
            next_step="aws eks update-cluster-config --name ... --access-config "
            "authenticationMode=API_AND_CONFIG_MAP (there is no way back), then run again",
        )
    if (mode, to) == ("API", "aws-auth"):
        return IdentityRefusal(
            answer="its authentication mode is API",
            cause="a cluster in this mode does not read aws-auth, and never will again",
            next_step="stay with access entries",
        )
    if not environments:
        return IdentityRefusal(
            answer="no compute environment uses it",
            cause="there is nothing to change over: Batch has an access entry made with its compute environments",
            next_step=f"set identity_mapping of the EKS Cluster block to {to} and run setup_batch",
        )
    state = DESIRED_STATES[to]
    foreign = [each.name for each in environments if not each.is_ours and each.desired_state != state]
    if not foreign:
        return None
    return IdentityRefusal(
        answer=f"compute environments on it were not made by these flows: {', '.join(sorted(foreign))}",
        cause=f"all of them must have desiredState {state}, and nothing is changed that is not ours",
        next_step="have their owners change them (aws batch update-compute-environment --compute-environment NAME "
        f"--eks-configuration accessEntry={{desiredState={state}}}), then run again",
    )

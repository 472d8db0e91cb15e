"""What the optional parts of setup rely on: the jobs' own identity, and the logs that outlive their pods."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from specs.role_trust import Assumption


@dataclass(frozen=True)
class Addon:
    """An EKS add-on that is on the cluster.

    Attributes:
        name: Its name.
        version: Its version, such as `v1.2.0-eksbuild.1`.
        status: `ACTIVE`, `CREATING`, `DEGRADED`, ...
        configuration: Its `configurationValues`; empty for none.
    """

    name: str
    version: str
    status: str
    configuration: str = ""


@dataclass(frozen=True)
class JobIdentity:
    """What the jobs' own identity relies on.

    Attributes:
        cluster: Name of the cluster.
        role: ARN of the role.
        account: The service account, as `namespace/name`.
        assumption: How its pods come by the role.
        role_found: ARN of the role of this name in the cluster's account; empty where there is none, None where it
            could not be looked at.
        trust: Its trust policy.
        agent: The EKS Pod Identity Agent; None where it is not on the cluster.
        provider_found: Whether IAM has the cluster's OIDC provider; None where that could not be looked at.
        provider_audiences: Whom its tokens may be for.
        other_identity: What else gives the account a role, which setup does not take away; empty for nothing.
    """

    cluster: str
    role: str
    account: str
    assumption: Assumption
    role_found: str | None
    trust: Mapping[str, Any]
    agent: Addon | None = None
    provider_found: bool | None = None
    provider_audiences: tuple[str, ...] = ()
    other_identity: str = ""

    @property
    def by_pod_identity(self) -> bool:
        """Whether EKS Pod Identity gives the role, and not IRSA."""
        return self.assumption.kind == "Service"


@dataclass(frozen=True)
class ContainerLogs:
    """What the add-on that ships logs relies on.

    Attributes:
        has_own_role: Whether it acts as a role of its own, so that the nodes' need not have its rights.
    """

    has_own_role: bool = False

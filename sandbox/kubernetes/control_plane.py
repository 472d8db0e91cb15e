"""What the sandbox's two Kubernetes control planes have in common, and how one is chosen."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from sandbox.authenticator import Identity
from sandbox.certificate_authority import CertificateAuthority
from sandbox.kubernetes.identity import Attributes, Decision, User, abstain

ASSETS_VARIABLE = "KUBEBUILDER_ASSETS"


@dataclass(frozen=True)
class ApiCall:
    """A request that the API server has answered.

    Attributes:
        time: When it was answered, in seconds since the epoch.
        user: The authenticated user's name; `system:anonymous` when there was none.
        verb: HTTP method.
        path: Path and query as they were asked.
        dry_run: Whether it asked for `dryRun=All`.
        status: HTTP status of the answer.
    """

    time: float
    user: str
    verb: str
    path: str
    dry_run: bool
    status: int

    @property
    def mutating(self) -> bool:
        """Whether it could change something: not a read, not a dry run, not an access or token review."""
        reviews = ("authorization.k8s.io/", "authentication.k8s.io/")
        asks = any(group in self.path for group in reviews) and "rbac." not in self.path
        return self.verb not in ("GET", "HEAD", "OPTIONS") and not self.dry_run and not asks


class ControlPlane(Protocol):
    """A Kubernetes control plane without nodes, scheduler and workload controllers."""

    @property
    def url(self) -> str:
        """`https://127.0.0.1:PORT`; known once it has started."""

    @property
    def admin_token(self) -> str:
        """Static bearer token of a member of `system:masters`, for the sandbox itself."""

    def start(self) -> None:
        """Start, and return once requests are answered."""

    def stop(self) -> None:
        """Stop everything that `start` has started."""

    def reset(self) -> None:
        """Go back to the state just after `start`: system namespaces and bootstrap roles only."""

    def calls(self) -> list[ApiCall]:
        """Every request since `start` or `reset` that was not the sandbox's own."""


def control_plane(
    kind: Literal["embedded", "real", "auto"],
    state_dir: Path,
    authority: CertificateAuthority,
    authenticate: Callable[[str], Identity],
    authorize: Callable[[User, Attributes], Decision] = abstain,
) -> ControlPlane:
    """Make a control plane, not yet started.

    Args:
        kind: `embedded` for the server of this package, `real` for the etcd and kube-apiserver in the directory
            that `KUBEBUILDER_ASSETS` names (the envtest convention), `auto` for the real one iff that is set.
        state_dir: Directory for its files.
        authority: Issues its certificates.
        authenticate: Tells whose a bearer token is, or raises `sandbox.authenticator.Refused`. Called from threads
            of the control plane's own; it may call the API server with the admin token.
        authorize: Decides what the Node authorizer and RBAC do not allow. It must answer at once, and calls nobody.
    """
    assets = os.environ.get(ASSETS_VARIABLE)
    if kind == "real" or (kind == "auto" and assets):
        if not assets:
            message = f"{ASSETS_VARIABLE} is not set: point it at a directory with `kube-apiserver` and `etcd`"
            raise LookupError(message)
        from sandbox.kubernetes.real_control_plane import RealControlPlane

        return RealControlPlane(Path(assets), state_dir, authority, authenticate, authorize)
    from sandbox.kubernetes.embedded_control_plane import EmbeddedControlPlane

    return EmbeddedControlPlane(authority, authenticate, authorize)

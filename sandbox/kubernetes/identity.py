"""Who asks, and what for: the inputs of authorization."""

from dataclasses import dataclass


@dataclass(frozen=True)
class User:
    """An authenticated user.

    Attributes:
        name: User name.
        groups: All groups, `system:authenticated` or `system:unauthenticated` included.
        uid: Identifier of the user, empty when there is none.
        arn: `canonicalArn` of its extra fields, as aws-iam-authenticator fills them in; empty for everybody else.
    """

    name: str
    groups: tuple[str, ...]
    uid: str = ""
    arn: str = ""


@dataclass(frozen=True)
class Attributes:
    """What a request wants to do.

    Attributes:
        verb: `get`, `list`, `create`, ...; the lower-case HTTP method for paths that are no resources.
        group: API group.
        resource: Resource; empty for a path that is no resource.
        subresource: Subresource such as `log`.
        namespace: Namespace, empty at the cluster scope.
        name: Object name, empty for collections.
        path: The path, for what is no resource.
    """

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        """Resource and subresource as rules name them."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass(frozen=True)
class Decision:
    """Whether a request may go on, and why."""

    allowed: bool
    reason: str = ""


def abstain(user: User, asked: Attributes) -> Decision:
    """The decision of an authorizer that nobody has asked for."""
    del user, asked
    return Decision(False)

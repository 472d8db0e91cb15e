"""The aws-auth document: one entry is added or put right, every foreign byte stays."""

from dataclasses import dataclass

from specs.identity_mapping import RoleMapping


class AwsAuthError(ValueError):
    """The document cannot be read, or cannot be changed without touching what is not ours."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        """Make the error, with the place in the document where there is one (counted from 1)."""
        self.line, self.column = line, column
        place = "" if line is None else f"line {line}, column {column}: "
        super().__init__(f"ConfigMap kube-system/aws-auth, mapRoles: {place}{message}")


@dataclass(frozen=True)
class AwsAuth:
    """The mapRoles text of the ConfigMap aws-auth."""

    text: str
    role_mappings: tuple[RoleMapping, ...]
    warnings: tuple[str, ...] = ()

    @classmethod
    def parse(cls, map_roles: str | None) -> "AwsAuth":
        """Read the text of ``data.mapRoles``."""
        return cls(map_roles or "", ())

    def with_role(self, mapping: RoleMapping) -> str:
        """The text with the mapping in it."""
        return self.text

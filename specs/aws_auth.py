"""The aws-auth document: one entry is added, put right or taken out, every foreign byte stays.

Source of what an entry means: kubernetes-sigs/aws-iam-authenticator, pkg/mapper/configmap: role ARNs are compared
in lower case, the last of several entries for a role counts, and an ARN with a path never matches (issue 268).
"""

from dataclasses import dataclass, field
from typing import Any, Self

import yaml

from specs.aws_auth_splice import Splice, additions, applied, corrections, removals
from specs.identity_mapping import RoleMapping
from specs.yaml_tree import YamlTree, read_tree

_UNTOUCHED = "Nothing was written; put it right with: kubectl edit configmap aws-auth --namespace kube-system."


class AwsAuthError(ValueError):
    """The document cannot be read, or cannot be changed without touching what is not ours.

    Attributes:
        line: The line of the fault, counted from 1; None if it has no place.
        column: The column of the fault, counted from 1; None if it has no place.
    """

    def __init__(self, cause: str, line: int | None = None, column: int | None = None) -> None:
        """Make the error.

        Args:
            cause: What is wrong, in a sentence.
            line: The line, counted from 1.
            column: The column, counted from 1.
        """
        self.line, self.column = line, column
        place = "" if line is None else f" line {line}, column {column}:"
        super().__init__(f"ConfigMap kube-system/aws-auth, mapRoles:{place} {cause} {_UNTOUCHED}")


@dataclass(frozen=True)
class AwsAuth:
    """The text of ``data.mapRoles`` of the ConfigMap aws-auth.

    Attributes:
        text: The text, empty if there is none.
        role_mappings: Its entries that have a role ARN.
    """

    text: str
    role_mappings: tuple[RoleMapping, ...]
    _entries: list[dict[str, Any]] = field(repr=False, compare=False)
    _tree: YamlTree = field(repr=False, compare=False)

    @classmethod
    def parse(cls, map_roles: str | None) -> Self:
        """Read the text.

        Args:
            map_roles: The value of ``data.mapRoles``, None if it is absent.

        Raises:
            AwsAuthError: It is not YAML, or not a list of mappings.
        """
        text = map_roles or ""
        try:
            tree, loaded = read_tree(text), yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise _not_yaml(text, error) from error
        if loaded is not None and not isinstance(loaded, list):
            start = tree.root.start if tree.root else 0
            raise AwsAuthError("It must be a list of mappings.", *_place(text, start))
        entries = loaded or []
        for index, entry in enumerate(entries):
            if not isinstance(entry, dict):
                start = tree.root.children[index].start if tree.root else 0
                raise AwsAuthError(f"Entry {index + 1} is not a mapping.", *_place(text, start))
        return cls(text, tuple(one for entry in entries if (one := _mapping(entry))), entries, tree)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Entries that do not do what they seem to."""
        return tuple(
            f"{mapping.rolearn} is mapped with its path, so that it never matches "
            "(kubernetes-sigs/aws-iam-authenticator issue 268); the entry is kept."
            for mapping in self.role_mappings
            if mapping.has_path
        )

    def who_is(self, rolearn: str) -> RoleMapping | None:
        """The entry that counts for a role: the last one for its ARN, in whatever case.

        Args:
            rolearn: The role's ARN without its path, as the authenticator compares it.

        Returns:
            The entry; None where the cluster does not know the role.
        """
        wanted = rolearn.lower()
        return next((one for one in reversed(self.role_mappings) if one.rolearn.lower() == wanted), None)

    def never_matching(self, rolearn: str) -> RoleMapping | None:
        """An entry that was meant for a role but holds its path, so that it never matches.

        Args:
            rolearn: The role's ARN without its path.
        """
        account, _, name = rolearn.lower().partition(":role/")
        return next(
            (
                one
                for one in self.role_mappings
                if one.has_path
                and one.rolearn.lower().startswith(f"{account}:role/")
                and one.rolearn.lower().endswith(f"/{name}")
            ),
            None,
        )

    def with_role(self, mapping: RoleMapping) -> str:
        """The text with the mapping in it.

        The text is returned as it is if the role has the user name and at least the groups already. Otherwise
        the entry that counts is put right, groups of others kept, or an entry is added.

        Args:
            mapping: The mapping to have.

        Raises:
            AwsAuthError: It cannot be had by changing the one place only.
        """
        wanted = mapping.rolearn.lower()
        ours = [index for index, entry in enumerate(self._entries) if str(_get(entry, "rolearn")).lower() == wanted]
        if not ours:
            return self._checked(additions(self.text, self._tree, mapping), None, _entry(mapping))
        index = ours[-1]
        entry = self._entries[index]
        current = _mapping(entry)
        missing = [group for group in mapping.groups if current is None or group not in current.groups]
        rename = _get(entry, "username") != mapping.username
        if not missing and not rename:
            return self.text
        groups = [*(current.groups if current else ()), *missing]
        splices = corrections(
            self.text,
            self._tree.root.children[index] if self._tree.root else None,
            username=mapping.username if rename else None,
            missing=missing,
            groups=groups,
        )
        return self._checked([splices], index, _corrected(entry, mapping.username if rename else None, groups))

    def without_role(self, mapping: RoleMapping) -> str:
        """The text without the mapping.

        Of several entries that say exactly this the last is taken out. An entry for the role that says anything else
        is somebody else's: the text is then returned as it is.

        Args:
            mapping: The mapping that was added.

        Raises:
            AwsAuthError: It cannot be taken out by changing the one place only.
        """
        wanted = _comparable(_entry(mapping))
        ours = [index for index, entry in enumerate(self._entries) if _comparable(entry) == wanted]
        if not ours:
            return self.text
        expected = [_normal(one) for position, one in enumerate(self._entries) if position != ours[-1]]
        for splices in removals(self.text, self._tree, ours[-1]):
            text = applied(self.text, splices)
            try:
                entries = [_normal(one) for one in yaml.safe_load(text) or []]
            except (yaml.YAMLError, ValueError, TypeError, RecursionError):
                continue
            if entries == expected:
                return text
        raise AwsAuthError(f"The entry for {mapping.rolearn} cannot be taken out without changing other entries.")

    def _checked(self, candidates: list[list[Splice]], index: int | None, entry: dict[str, Any]) -> str:
        """The first candidate that parses to the old entries plus ours, else an error."""
        expected = [_normal(one) for position, one in enumerate(self._entries) if position != index]
        for splices in candidates:
            text = applied(self.text, splices)
            try:
                entries = [_normal(one) for one in yaml.safe_load(text)]
            except (yaml.YAMLError, ValueError, TypeError, RecursionError):
                continue
            ours = _normal(entry)
            if index is not None and entries == [*expected[:index], ours, *expected[index:]]:
                return text
            if index is None and entries in ([*expected, ours], [ours, *expected]):
                return text
        rolearn = _get(entry, "rolearn")
        raise AwsAuthError(f"The entry for {rolearn} cannot be written without changing other entries.")


def _mapping(entry: dict[str, Any]) -> RoleMapping | None:
    rolearn, username, groups = (_get(entry, key) for key in ("rolearn", "username", "groups"))
    if not isinstance(rolearn, str):
        return None
    known = [group for group in groups if isinstance(group, str)] if isinstance(groups, list) else []
    return RoleMapping(rolearn=rolearn, username=username if isinstance(username, str) else "", groups=tuple(known))


def _get(entry: dict[str, Any], key: str) -> Any:
    return next((value for name, value in entry.items() if str(name).lower() == key), None)


def _entry(mapping: RoleMapping) -> dict[str, Any]:
    entry: dict[str, Any] = {"rolearn": mapping.rolearn, "username": mapping.username}
    return entry | ({"groups": list(mapping.groups)} if mapping.groups else {})


def _corrected(entry: dict[str, Any], username: str | None, groups: list[str]) -> dict[str, Any]:
    names = {str(name).lower(): name for name in entry}
    changes: dict[Any, Any] = {} if username is None else {names.get("username", "username"): username}
    if groups:
        changes[names.get("groups", "groups")] = groups
    return {**entry, **changes}


def _normal(entry: Any) -> Any:
    """An entry with its groups in order: where a group is added makes no difference."""
    if not isinstance(entry, dict):
        return entry
    return {key: sorted(value, key=str) if _is_groups(key, value) else value for key, value in entry.items()}


def _comparable(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry as the authenticator reads it: keys and the role's ARN in any case, no groups or an empty list."""
    lowered = {str(key).lower(): value for key, value in _normal(entry).items()}
    if isinstance(lowered.get("rolearn"), str):
        lowered["rolearn"] = lowered["rolearn"].lower()
    return {key: value for key, value in lowered.items() if not (key == "groups" and not value)}


def _is_groups(key: Any, value: Any) -> bool:
    return str(key).lower() == "groups" and isinstance(value, list)


def _not_yaml(text: str, error: Exception) -> AwsAuthError:
    mark = getattr(error, "problem_mark", None)
    cause = getattr(error, "problem", None) or str(error).splitlines()[0]
    if mark is not None:
        return AwsAuthError(f"It is not YAML: {cause}.", mark.line + 1, mark.column + 1)
    position = getattr(error, "position", None)
    if position is not None:
        return AwsAuthError(f"It is not YAML: {cause}.", *_place(text, position))
    return AwsAuthError(f"It is not YAML: {cause}.")


def _place(text: str, index: int) -> tuple[int, int]:
    lines = text[:index].splitlines(keepends=True) or [""]
    if lines[-1].endswith(("\n", "\r")):
        lines.append("")
    return len(lines), len(lines[-1]) + 1

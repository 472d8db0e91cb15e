"""Repository creation templates: what a repository that ECR creates by itself looks like."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.aws.ecr.pages import page
from sandbox.aws.errors import AwsError
from sandbox.aws.operations import Caller

Template = dict[str, Any]


class Templates:
    """The registry's templates (botocore RepositoryCreationTemplate).

    Attributes:
        INHERITED: Members of a template that CreateRepository takes by the same name.
    """

    INHERITED = ("encryptionConfiguration", "imageTagMutability", "imageTagMutabilityExclusionFilters")

    def __init__(self, account_id: str, clock: Callable[[], float]) -> None:
        self._account_id = account_id
        self._clock = clock
        self._templates: dict[str, Template] = {}

    def clear(self) -> None:
        """Drop all templates."""
        self._templates.clear()

    def matching(self, name: str, scenario: str) -> Template | None:
        """The template for a repository: longest prefix first, ROOT last.

        "There is always an assumed / applied to the end of the prefix" (botocore, prefix).
        """
        candidates = [
            template
            for prefix, template in self._templates.items()
            if scenario in template["appliedFor"] and (prefix == "ROOT" or name.startswith(f"{prefix.rstrip('/')}/"))
        ]
        return max(candidates, key=lambda one: 0 if one["prefix"] == "ROOT" else len(one["prefix"]), default=None)

    def create(self, parameters: Mapping[str, Any], _: Caller) -> dict[str, Any]:
        """Add a template."""
        prefix = parameters["prefix"]
        if prefix in self._templates:
            raise AwsError(
                "TemplateAlreadyExistsException",
                f"The template with prefix '{prefix}' already exists in the registry with id '{self._account_id}'",
            )
        now = self._clock()
        defaults = {"imageTagMutability": "MUTABLE", "encryptionConfiguration": {"encryptionType": "AES256"}}
        self._templates[prefix] = {**defaults, **parameters, "createdAt": now, "updatedAt": now}
        return self._answer(self._templates[prefix])

    def describe(self, parameters: Mapping[str, Any], _: Caller) -> dict[str, Any]:
        """Templates by prefix, or all."""
        prefixes = parameters.get("prefixes")
        found = [one for key, one in self._templates.items() if not prefixes or key in prefixes]
        answer = page("repositoryCreationTemplates", found, parameters)
        return {"registryId": self._account_id, **answer}

    def delete(self, parameters: Mapping[str, Any], _: Caller) -> dict[str, Any]:
        """Drop a template."""
        prefix = parameters["prefix"]
        if prefix not in self._templates:
            raise AwsError(
                "TemplateNotFoundException",
                f"The template with prefix '{prefix}' does not exist in the registry with id '{self._account_id}'",
            )
        return self._answer(self._templates.pop(prefix))

    def _answer(self, template: Template) -> dict[str, Any]:
        return {"registryId": self._account_id, "repositoryCreationTemplate": template}

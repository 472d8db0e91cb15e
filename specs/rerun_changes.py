"""What is different when a job is run again."""

from typing import Any, Self

from pydantic import ConfigDict, Field, model_validator

from specs.container import EnvironmentVariable
from specs.container_rules import check_container_name, check_image
from specs.environment_rules import check_environment
from specs.fault import Findings, SpecError
from specs.form_model import FormModel
from specs.quantity import check_resources


class RerunChanges(FormModel):
    """What is different for every job of a rerun; what is left empty stays as it was."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [{"memory": "4096Mi"}]})

    container: str = Field(
        default="",
        title="Container",
        description="Which container the changes are for; needed only where the pod has several.",
        examples=["main"],
    )
    image: str = Field(
        default="",
        title="Image",
        description="Another image, in a registry that the private cluster's nodes can reach.",
        examples=["123456789012.dkr.ecr.us-east-1.amazonaws.com/tools/python:3.12-slim"],
    )
    command: list[str] = Field(default=[], title="Command", description="Another entry point.", examples=[["/bin/sh"]])
    args: list[str] = Field(
        default=[],
        title="Arguments",
        description="Other arguments of the entry point.",
        examples=[["-c", "echo hello world"]],
    )
    env: list[EnvironmentVariable] = Field(
        default=[],
        title="Environment",
        description="Variables that are added or replaced.",
        examples=[[{"name": "STAGE", "value": "test"}]],
    )
    cpu: str = Field(
        default="", title="CPU", description="Another number of vCPUs, in quarters.", examples=["0.5", "2"]
    )
    memory: str = Field(default="", title="Memory", description="Other memory, in mebibytes.", examples=["4096Mi"])
    parameters: dict[str, str] = Field(
        default={},
        title="Parameters",
        description="Other values for the placeholders Ref::name of the job definition, as JSON.",
        examples=[{"input": "s3://my-bucket/input"}],
    )

    @property
    def override(self) -> dict[str, Any]:
        """What is different for the container, as a container of eksPropertiesOverride."""
        amounts = {key: value for key, value in (("cpu", self.cpu), ("memory", self.memory)) if value}
        given = {
            "image": self.image,
            "command": self.command,
            "args": self.args,
            "env": [variable.to_document() for variable in self.env],
            "resources": {"limits": amounts, "requests": amounts} if amounts else {},
        }
        return {field: value for field, value in given.items() if value}

    @model_validator(mode="after")
    def _check(self) -> Self:
        found, override = Findings(), self.override
        check_container_name(self.container or None, "changes.container", found)
        check_image(override.get("image"), "changes.image", found)
        check_environment(override.get("env"), "changes.env", found)
        limits = {"limits": override.get("resources", {}).get("limits", {})}
        check_resources(limits, "changes", found, needed=False)
        if found.faults:
            raise SpecError("changes", found.faults)
        return self

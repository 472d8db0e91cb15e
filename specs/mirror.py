"""Which public images the private registry keeps, and in what repositories."""

import re
from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from specs.fault import SpecError
from specs.form_model import FormModel
from specs.lifecycle_policy import LifecyclePolicySpec
from specs.repository import RepositorySettings, RepositorySpec

_SETTINGS = {field.alias or name for name, field in RepositorySettings.model_fields.items()}
# OCI image specification, descriptor: the registered algorithms.
_DIGEST = r"^(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})?$"
_PLATFORM = r"^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9.]+)?$"


class MirrorImage(FormModel):
    """One public image."""

    source: str = Field(
        title="Source",
        description="The image where it is published, as docker pull takes it.",
        min_length=1,
        examples=["public.ecr.aws/amazonlinux/amazonlinux:2"],
    )
    repository: str = Field(
        default="",
        title="Repository",
        description="The private repository; empty for the image's own name behind the prefix.",
        examples=["tools/amazonlinux"],
    )
    platforms: list[Annotated[str, Field(pattern=_PLATFORM)]] = Field(
        default=[],
        title="Platforms",
        description="Operating system/architecture of what is copied, such as linux/amd64; empty for all there are.",
        examples=[["linux/amd64", "linux/arm64/v8"]],
    )
    pin: str = Field(
        default="",
        title="Pin",
        description="Digest of the one image to take, wherever the source's tag points; empty to follow the tag.",
        pattern=_DIGEST,
        examples=["sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"],
    )
    include_referrers: bool = Field(
        default=False,
        title="Include referrers",
        description="Copy signatures, attestations and other artifacts that refer to the image too.",
        examples=[True],
    )


class MirrorRepositories(RepositorySettings):
    """The repositories that images are mirrored to: created where they are missing, then kept like this.

    What is not given is left as it is.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"prefix": "my-prefix"}]})

    prefix: str = Field(
        default="",
        title="Prefix",
        description="Put before the images' own names.",
        pattern=r"^([a-z0-9]+([._-][a-z0-9]+)*/?)*$",
        examples=["my-prefix"],
    )
    lifecycle_policy: LifecyclePolicySpec | None = Field(
        default=None,
        title="Lifecycle policy",
        description="What ECR removes by itself; none leaves a policy that is there alone.",
        examples=[LifecyclePolicySpec().to_document()],
    )

    def named(self, name: str) -> RepositorySpec:
        """The repository of that name.

        Args:
            name: Its name, prefix and all.

        Raises:
            SpecError: If the name breaks a rule.
        """
        settings = {key: value for key, value in self.to_document().items() if key in _SETTINGS}
        return RepositorySpec.from_document({"repositoryName": name, **settings})

    @model_validator(mode="after")
    def _is_a_repository(self) -> Self:
        unknown = sorted(self.model_extra or {})
        if unknown:
            raise ValueError(f"unknown: {', '.join(unknown)}; known are {', '.join(sorted(_known()))}")
        self.named("any/name")
        return self


class MirrorSpec(FormModel):
    """A list of images to mirror, as the form gives it or a YAML file."""

    images: Annotated[list[MirrorImage], Field(min_length=1)] = Field(
        title="Images", description="The images.", examples=[[{"source": "public.ecr.aws/amazonlinux/amazonlinux:2"}]]
    )
    repositories: MirrorRepositories = Field(
        default_factory=MirrorRepositories,
        title="Repositories",
        description="What their private repositories have in common.",
        examples=[{"prefix": "my-prefix"}],
    )

    @model_validator(mode="after")
    def _names_are_repositories(self) -> Self:
        faults = [f"images[{index}].repository: {fault}" for index, fault in self._repository_faults()]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _repository_faults(self) -> Iterator[tuple[int, str]]:
        for index, image in enumerate(self.images):
            if image.repository:
                try:
                    self.repositories.named(image.repository)
                except SpecError as error:
                    yield from ((index, str(fault)) for fault in error.faults)


def _known() -> set[str]:
    return {field.alias or name for name, field in MirrorRepositories.model_fields.items()}


def permanent_tag(tag: str, digest: str) -> str:
    """The tag that a mirrored digest keeps when its own tag moves on: `<tag>-<first 12 digits of the digest>`.

    Args:
        tag: The image's tag, shortened where both together would be longer than a tag may be (128 characters, OCI
            distribution specification).
        digest: The image's digest in the private registry.
    """
    digits = digest.partition(":")[2][:12]
    return f"{tag[: 127 - len(digits)]}-{digits}"


def moving_tag(permanent: str, digest: str) -> str | None:
    """The tag that a permanent tag was made from; None for a tag that is no permanent one of this digest."""
    ending = re.escape(permanent_tag("", digest))
    found = re.fullmatch(f"(.+){ending}", permanent)
    return found[1] if found else None

"""The private ECR repository that nodes pull images from."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from specs.fault import Findings
from specs.limit import OneOf
from specs.part import Part
from specs.shape import Shapes, ecr_shapes
from specs.source import member
from specs.spec import Spec
from specs.tags import check_tags
from specs.wire import elements, mapping, text

_REQUEST = "CreateRepositoryRequest"
_MUTABILITIES = ("MUTABLE", "IMMUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION")


class RepositoryTag(Part):
    """A tag of the repository."""

    key: str = Field(alias="Key", title="Key", description="The tag's key.", examples=["team"])
    value: str = Field(default="", alias="Value", title="Value", description="The tag's value.", examples=["data"])


class ExclusionFilter(Part):
    """Tags that are excluded from the repository's mutability setting."""

    filter_type: Annotated[
        str, OneOf(("WILDCARD",), member("ImageTagMutabilityExclusionFilter", "filterType", "ecr"))
    ] = Field(default="WILDCARD", title="Filter type", description="Only WILDCARD is known.", examples=["WILDCARD"])
    filter: str = Field(
        title="Filter", description="A tag; an asterisk stands for any characters.", examples=["latest", "dev-*"]
    )


class ImageScanning(Part):
    """Whether images are scanned."""

    scan_on_push: bool = Field(
        default=False,
        title="Scan on push",
        description="Whether images are scanned when they are pushed.",
        examples=[True],
    )


class Encryption(Part):
    """How images are encrypted; it cannot be changed later."""

    encryption_type: Annotated[
        str, OneOf(("AES256", "KMS", "KMS_DSSE"), member("EncryptionConfiguration", "encryptionType", "ecr"))
    ] = Field(
        default="AES256",
        title="Encryption type",
        description="AES256, or KMS or KMS_DSSE with a key of AWS KMS.",
        examples=["AES256", "KMS"],
    )
    kms_key: str = Field(
        default="",
        title="KMS key",
        description="The alias, ID or ARN of a key in the same region; empty means ECR's own.",
        examples=["alias/images"],
    )


class RepositorySettings(Part):
    """What several repositories can have in common: all but the name."""

    image_tag_mutability: Annotated[
        str, OneOf(_MUTABILITIES, member(_REQUEST, "imageTagMutability", "ecr"), or_empty=True)
    ] = Field(
        default="",
        title="Tag mutability",
        description="Whether a tag can be pushed again; empty leaves it as it is, and a new repository MUTABLE.",
        examples=["MUTABLE", "IMMUTABLE"],
    )
    image_tag_mutability_exclusion_filters: list[ExclusionFilter] = Field(
        default=[],
        title="Exclusion filters",
        description="Up to five filters of tags that are excluded from the mutability setting.",
        examples=[[{"filterType": "WILDCARD", "filter": "latest"}]],
    )
    image_scanning_configuration: ImageScanning | None = Field(
        default=None,
        title="Image scanning",
        description="Whether images are scanned; ECR prefers that to be set for the whole registry.",
        examples=[{"scanOnPush": True}],
    )
    encryption_configuration: Encryption | None = Field(
        default=None,
        title="Encryption",
        description="How images are encrypted; it cannot be changed later.",
        examples=[{"encryptionType": "KMS", "kmsKey": "alias/images"}],
    )
    tags: list[RepositoryTag] = Field(
        default=[],
        title="Tags",
        description="Tags of the repository.",
        examples=[[{"Key": "team", "Value": "data"}]],
    )


class RepositorySpec(RepositorySettings, Spec):
    """The document of ``aws ecr create-repository --cli-input-json``."""

    wire_shape: ClassVar[str] = _REQUEST

    repository_name: str = Field(
        default="amazonlinux/amazonlinux",
        title="Name",
        description="The repository's name; slashes make namespaces.",
        examples=["amazonlinux/amazonlinux"],
    )

    @classmethod
    def shapes(cls) -> Shapes:
        """The shapes of Amazon ECR."""
        return ecr_shapes()

    @classmethod
    def check(cls, document: Mapping[str, Any], found: Findings) -> None:
        """Check what fields say together."""
        found_tags = [mapping(tag) for _, tag in elements(document.get("tags"), "tags")]
        check_tags({text(tag.get("Key")): tag.get("Value") for tag in found_tags}, "tags", found, lengths=True)
        _check_exclusions(document, found)
        encryption = mapping(document.get("encryptionConfiguration"))
        if "kmsKey" in encryption and encryption.get("encryptionType") == "AES256":
            rule = "AES256 uses a key of Amazon S3; a KMS key can only be given with KMS or KMS_DSSE."
            fix = "Leave kmsKey out, or choose KMS."
            source = member("EncryptionConfiguration", "kmsKey", "ecr")
            found.fault("encryptionConfiguration.kmsKey", encryption["kmsKey"], rule, fix, source)


def _check_exclusions(document: Mapping[str, Any], found: Findings) -> None:
    name = "imageTagMutabilityExclusionFilters"
    filters, source = document.get(name), member(_REQUEST, name, "ecr")
    excludes = text(document.get("imageTagMutability")).endswith("_WITH_EXCLUSION")
    if filters and not excludes:
        rule = "Filters are only allowed with a mutability that ends in _WITH_EXCLUSION."
        fix = "Choose IMMUTABLE_WITH_EXCLUSION or MUTABLE_WITH_EXCLUSION, or leave the filters out."
        found.fault(name, filters, rule, fix, source)
    elif excludes and not filters:
        rule = "A mutability with exclusion needs one to five filters."
        found.fault(name, filters, rule, "Add a filter, or choose MUTABLE or IMMUTABLE.", source)

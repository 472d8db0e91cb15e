"""The machinery that all specs share: reading documents, rendering them, checking them."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import ModelWrapValidatorHandler, ValidationInfo, model_validator

from specs.fault import Fault, Findings, SpecError
from specs.form_model import FROM_DOCUMENT, filled_in
from specs.part import Part, wire
from specs.shape import Shapes, batch_shapes
from specs.shape_check import check_shape


class Spec(Part):
    """A whole document: read with ``from_document``, rendered with ``to_document``, always valid.

    However it is built (from a document, by keyword, from a Prefect form), the whole document is checked,
    so that a fault in one field does not hide another.
    """

    wire_shape: ClassVar[str] = ""

    @classmethod
    def shapes(cls) -> Shapes:
        """The shapes that the document is checked against."""
        return batch_shapes()

    @classmethod
    def check(cls, document: Mapping[str, Any], found: Findings) -> None:
        """Check what no shape can say.

        Args:
            document: The wire document; its types may be wrong.
            found: Takes what is found.
        """

    @classmethod
    def examine(cls, document: Mapping[str, Any]) -> Findings:
        """Check a document: shape, limits and rules, all at once.

        Args:
            document: The wire document.

        Returns:
            All faults and warnings.
        """
        found = Findings()
        check_shape(cls.shapes(), cls.wire_shape, document, cls, found)
        cls.check(document, found)
        return found

    @classmethod
    def from_document(cls, document: Any) -> Self:
        """Read the document that the AWS CLI or kubectl takes.

        Args:
            document: The parsed JSON or YAML document.

        Returns:
            The spec, which renders back to the same document.

        Raises:
            SpecError: The document breaks rules; all of them are listed.
        """
        if not isinstance(document, Mapping):
            rule = "The document must be a JSON object."
            raise SpecError(cls.__name__, [Fault("document", document, rule, "Pass an object.", "JSON")])
        found = cls.examine(document)
        if found.faults:
            raise SpecError(cls.__name__, found.faults)
        return cls.model_validate(cls.fields_of(document), context=FROM_DOCUMENT)

    @property
    def warnings(self) -> list[str]:
        """What is allowed, yet probably not meant; and what passes through unchecked."""
        return self.examine(self.to_document()).warnings

    @classmethod
    def fields_of(cls, document: Mapping[str, Any]) -> dict[str, Any]:
        """The model's input for a document."""
        return dict(document)

    @classmethod
    def document_of(cls, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The document for input by keyword or from a form."""
        return wire(cls, fields)

    @model_validator(mode="wrap")
    @classmethod
    def _check_all_at_once(cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if info.context != FROM_DOCUMENT and isinstance(data, Mapping):
            data = filled_in(data)
            found = cls.examine(cls.document_of(data))
            if found.faults:
                raise SpecError(cls.__name__, found.faults)
        return handler(data)

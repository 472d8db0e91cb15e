"""Documents that people have, pasted as text: JSON, or YAML with several documents parted by `---`."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import yaml

from specs.fault import Fault, SpecError
from specs.spec import Spec

S = TypeVar("S", bound=Spec)


def parse_documents(text: str, path: str) -> list[Mapping[str, Any]]:
    """The documents of a text.

    Args:
        text: JSON or YAML; a list counts as the documents that it holds.
        path: The field that it was pasted into, for whoever has to correct it.

    Raises:
        SpecError: If it is neither, or holds anything but objects.
    """
    documents = [one for part in _parsed(text, path) for one in (part if isinstance(part, list) else [part])]
    rule, fix = "Each document is an object.", "Paste it whole, from its first field on."
    faults = [
        Fault(f"{path}[{index}]", document, rule, fix, "JSON")
        for index, document in enumerate(documents)
        if not isinstance(document, Mapping)
    ]
    if faults:
        raise SpecError(path, faults)
    return documents


def read_each(
    documents: Sequence[Mapping[str, Any]], model_of: Callable[[Mapping[str, Any]], type[S]], path: str
) -> list[S]:
    """Read documents, all faults at once.

    Args:
        documents: The documents.
        model_of: What a document is; raises SpecError where it is nothing known.
        path: The field that they were pasted into.

    Raises:
        SpecError: If documents break rules; all of them are listed, with their document's place.
    """
    read, faults = [], []
    for index, document in enumerate(documents):
        try:
            read.append(model_of(document).from_document(document))
        except SpecError as error:
            faults += [replace(fault, path=f"{path}[{index}].{fault.path}") for fault in error.faults]
    if faults:
        raise SpecError(path, faults)
    return read


def _parsed(text: str, path: str) -> list[Any]:
    try:
        # YAML takes most JSON, but no tabs before a line.
        return [json.loads(text)]
    except ValueError:
        pass
    try:
        return [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as error:
        fault = Fault(path, None, f"It is neither JSON nor YAML: {error}", "Correct the line that it names.", "YAML")
        raise SpecError(path, [fault]) from error

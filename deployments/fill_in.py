"""Fill in a document's placeholders: `python -m deployments.fill_in FILE NAME=VALUE... --output FILE`."""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path

# What stands in capitals in the documents of deployments/, and only its reader knows.
PLACEHOLDERS = (
    "ACCOUNT_ID",
    "CLUSTER_NAME",
    "INSTANCE_PROFILE_NAME",
    "JOB_ROLE_NAME",
    "NODE_ROLE_NAME",
    "PREFECT_SERVER_URL",
    "REGION",
    "WORKER_ROLE_NAME",
)
_ANY = re.compile(rf"\b(?:{'|'.join(PLACEHOLDERS)})\b")


def filled_in(text: str, values: Mapping[str, str]) -> str:
    """A document with its placeholders replaced.

    Args:
        text: The document.
        values: By the names of placeholders; those that the document lacks are let be.

    Raises:
        ValueError: If a placeholder has no value, or a value is for none.
    """
    unknown = sorted(set(values) - set(PLACEHOLDERS))
    missing = sorted(set(_ANY.findall(text)) - set(values))
    if unknown or missing:
        faults = [f"no placeholder is called {name}" for name in unknown] + [f"{name} has no value" for name in missing]
        raise ValueError("; ".join(faults))
    return _ANY.sub(lambda found: values[found[0]], text)


def main() -> None:
    """Read one document and write another."""
    parser = argparse.ArgumentParser(prog="python -m deployments.fill_in", description="Fill in a document.")
    parser.add_argument("file", type=Path, help="the document, such as deployments/iam/changes.json")
    parser.add_argument("values", nargs="*", type=_value, help="such as REGION=us-east-1", metavar="NAME=VALUE")
    parser.add_argument("--output", type=Path, required=True, help="what to write")
    options = parser.parse_args()
    try:
        options.output.write_text(filled_in(options.file.read_text(), dict(options.values)))
    except ValueError as error:
        parser.error(f"{options.file}: {error}")


def _value(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found or not value:
        raise argparse.ArgumentTypeError(f"{text} is not NAME=VALUE")
    return name, value


if __name__ == "__main__":
    main()

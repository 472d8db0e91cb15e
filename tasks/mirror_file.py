"""A list of images to mirror, kept as a YAML file beside the deployments."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from blocks.operation_error import OperationError
from specs.mirror import MirrorSpec


def read_mirror_file(path: str) -> MirrorSpec:
    """Read the images, and what their repositories have in common.

    Args:
        path: Of the file, on the worker; a relative one is looked for in the flow run's working directory.

    Raises:
        OperationError: If there is no such file, it is not YAML, or it breaks rules; all of them are named.
    """
    resource, file = f"list of images {path}", Path(path)
    try:
        document = yaml.safe_load(file.read_text())
    except OSError as error:
        raise OperationError(
            resource,
            error.strerror or str(error),
            f"it is looked for on the worker, as {file.absolute()}",
            "correct the path, or bring the file to the worker",
        ) from error
    except yaml.YAMLError as error:
        raise OperationError(resource, str(error), "the file is not YAML", "correct the line that it names") from error
    try:
        return MirrorSpec.model_validate(document)
    except ValidationError as error:
        raise OperationError(
            resource,
            str(error),
            "the file breaks rules",
            "correct what is named; deployments/images.yaml is an example",
        ) from error

"""Every field of what flows and blocks take, asked from the models behind the forms."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel

from blocks.eks_cluster import EksCluster
from docs.symptom import prose
from specs.job_request import JobRequest
from specs.job_table import JobTable
from specs.mirror import MirrorSpec
from specs.platform import PlatformSpec
from specs.private_cluster import PrivateClusterSpec
from specs.rerun_changes import RerunChanges

Model = type[BaseModel]
# A document is told where it is first taken; those behind it link there.
DOCUMENTS: tuple[tuple[str, tuple[Model, ...]], ...] = (
    ("What setup takes", (PlatformSpec,)),
    ("What submissions take", (JobRequest, JobTable, RerunChanges)),
    ("What mirroring takes", (MirrorSpec,)),
    ("What the creation of a cluster takes", (PrivateClusterSpec,)),
)


def documents() -> str:
    """A section for each use, and in it one for each document and each part of it."""
    sections, told = [], list[Model]()
    for title, roots in DOCUMENTS:
        new = [model for root in roots for model in _reachable(root) if model not in told]
        new = list(dict.fromkeys(new))
        told += new
        sections += [f"## {title}\n", *(f"### {model.__name__}\n\n{_about(model)}\n\n{_table(model)}" for model in new)]
    return "\n".join(sections)


def block_fields() -> str:
    """The fields of the EKS Cluster block."""
    return _table(EksCluster, linked=False)


def _reachable(model: Model) -> Iterator[Model]:
    yield model
    for field in model.model_fields.values():
        for part in _models_in(field.annotation):
            yield from _reachable(part)


def _models_in(annotation: Any) -> list[Model]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models_in(argument)]


def _about(model: Model) -> str:
    return prose((model.__doc__ or "").split("\n\n")[0].replace("``", "`"))


def _table(model: Model, *, linked: bool = True) -> str:
    lines = ["| field | what it is | such as |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        parts = [f"[{part.__name__}](#{part.__name__.lower()})" for part in _models_in(field.annotation) if linked]
        what = " ".join([prose(field.description or ""), *parts])
        lines.append(f"| `{field.alias or name}` | {what} | {_example(field.examples, parts)} |")
    return "\n".join(lines) + "\n"


def _example(examples: Sequence[Any] | None, parts: Sequence[str]) -> str:
    """The first example, but of parts, which have their own."""
    if not examples or parts:
        return ""
    text = examples[0] if isinstance(examples[0], str) else json.dumps(examples[0])
    return f"`{text}`" if text and "|" not in text and "\n" not in text else ""

"""What Kubernetes says about labels, annotations and namespaces, and Batch about namespaces."""

import re
from typing import Any

from specs.fault import Findings
from specs.name import is_label, is_subdomain
from specs.source import KUBERNETES_LABELS, member
from specs.wire import mapping

_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_LONGEST_ANNOTATION = 255


def check_labels(labels: Any, path: str, found: Findings) -> None:
    """Check labels: keys are [prefix/]name, values at most 63 characters.

    Args:
        labels: The map, of any type.
        path: Where it stands.
        found: Takes what is found.
    """
    for key, value in mapping(labels).items():
        where = f'{path}["{key}"]'
        _check_key(key, where, found)
        if isinstance(value, str) and value and not re.fullmatch(_NAME, value):
            rule = "A label's value has at most 63 letters, digits, hyphens, underscores and dots, none at the ends."
            found.fault(where, value, rule, "Change the value, or make it an annotation.", KUBERNETES_LABELS)


def check_annotations(annotations: Any, path: str, found: Findings, *, in_batch: bool) -> None:
    """Check annotations.

    Args:
        annotations: The map, of any type.
        path: Where it stands.
        found: Takes what is found.
        in_batch: Whether they stand in a Batch document, where values have at most 255 characters.
    """
    for key, value in mapping(annotations).items():
        where = f'{path}["{key}"]'
        _check_key(key, where, found)
        if in_batch and isinstance(value, str) and len(value) > _LONGEST_ANNOTATION:
            rule = f"An annotation's value has at most {_LONGEST_ANNOTATION} characters, here are {len(value)}."
            found.fault(where, value, rule, "Shorten the value.", member("EksMetadata", "annotations"))


def check_namespace(namespace: Any, path: str, found: Findings, source: str, *, prefix: str = "kube-") -> None:
    """Check the name of a namespace that Batch runs pods in.

    Args:
        namespace: The name, of any type.
        path: Where it stands.
        found: Takes what is found.
        source: Where the rule is written down for this field.
        prefix: The prefix that Batch does not allow.
    """
    if not isinstance(namespace, str):
        return
    fix = "Choose a namespace for Batch alone, for example my-aws-batch-namespace."
    if namespace == "default":
        found.fault(path, namespace, "Batch does not run pods in the namespace default.", fix, source)
    elif namespace.startswith(prefix):
        rule = f"Batch does not run pods in namespaces that begin with {prefix}."
        found.fault(path, namespace, rule, fix, source)
    elif not is_label(namespace):
        rule = "A namespace has 1 to 63 lower-case letters, digits and hyphens, first and last not a hyphen."
        found.fault(path, namespace, rule, fix, source)


def _check_key(key: Any, where: str, found: Findings) -> None:
    prefix, slash, name = str(key).rpartition("/")
    if not re.fullmatch(_NAME, name) or (slash and not is_subdomain(prefix)):
        rule = "A key is a name of at most 63 characters, optionally after a DNS subdomain and a slash."
        found.fault(where, None, rule, "Change the key.", KUBERNETES_LABELS)

"""The namespace's manifest and what Batch says about it."""

from typing import Any

import pytest

from specs.namespace import NamespaceSpec

# AWS Batch User Guide, getting-started-eks-privateclusters.
TUTORIAL = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "my-aws-batch-namespace", "labels": {"name": "my-aws-batch-namespace"}},
}


def test_tutorial() -> None:
    spec = NamespaceSpec.from_document(TUTORIAL)
    assert spec.to_document() == TUTORIAL
    assert spec == NamespaceSpec()
    assert spec.warnings == []


def test_the_label_follows_the_name() -> None:
    assert NamespaceSpec(name="jobs").to_document()["metadata"] == {"name": "jobs", "labels": {"name": "jobs"}}
    assert NamespaceSpec(name="jobs", labels={"a": "b"}).labels == {"a": "b"}


@pytest.mark.parametrize(
    ("path", "value", "where", "words"),
    [
        ("kind", "ConfigMap", "kind", "Here the kind is Namespace."),
        ("apiVersion", "v2", "apiVersion", "Here the apiVersion is v1."),
        ("metadata.name", "default", "metadata.name", "namespace default"),
        ("metadata.name", "kube-system", "metadata.name", "begin with kube-"),
        ("metadata.name", "x" * 64, "metadata.name", "1 to 63"),
        ("metadata.name", 5, "metadata.name", "a string"),
        ("metadata.labels", {"name": "a b"}, 'metadata.labels["name"]', "at most 63"),
        ("metadata.labels", {"name": 1}, 'metadata.labels["name"]', "a string"),
        ("metadata.annotations", {"-x": ""}, 'metadata.annotations["-x"]', "a name of at most 63"),
        ("metadata.label", {}, "metadata.label", "Did you mean labels?"),
        ("data", {}, "data", "no such field"),
    ],
)
def test_rule(path: str, value: Any, where: str, words: str, edit: Any, faults: Any) -> None:
    (fault,) = faults(NamespaceSpec, edit(TUTORIAL, path, value))
    assert fault.path == where
    assert words in str(fault)


def test_what_the_cluster_answers_passes_with_warnings() -> None:
    answered = {
        **TUTORIAL,
        "metadata": {**TUTORIAL["metadata"], "uid": "1", "creationTimestamp": None, "annotations": {"a/b": "x" * 300}},  # type: ignore[dict-item]  # a manifest
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }
    spec = NamespaceSpec.from_document(answered)
    assert spec.to_document() == answered
    assert {warning.split(":")[0] for warning in spec.warnings} == {
        "metadata.uid",
        "metadata.creationTimestamp",
        "spec",
        "status",
    }

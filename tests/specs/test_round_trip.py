"""Properties: what a spec accepts it renders back exactly; what it refuses it refuses with all its faults."""

from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from specs.job_definition import JobDefinitionSpec
from specs.job_queue import JobQueueSpec
from specs.job_request import JobRequest
from specs.shape import batch_shapes

BATCH = ServiceModel(Loader().load_service_model("batch", "service-2"))
REGISTER = BATCH.operation_model("RegisterJobDefinition").input_shape
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tools:1"
names = st.from_regex(r"[a-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
plain = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20)
quarters = st.integers(1, 64).map(lambda n: format(n / 4, "g"))


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


environment = st.lists(
    st.fixed_dictionaries(
        {"name": st.from_regex(r"[A-Z_]{1,8}", fullmatch=True).filter(lambda name: not name.startswith("AWS"))},
        optional={"value": plain},
    ),
    max_size=3,
)
resources = st.builds(
    lambda cpu, memory, sides: {side: {"cpu": cpu, "memory": f"{memory}Mi"} for side in sides},
    quarters,
    st.integers(4, 9999),
    st.sampled_from([["limits"], ["requests"], ["limits", "requests"]]),
)
containers = st.lists(names, min_size=1, max_size=4, unique=True).flatmap(
    lambda chosen: st.tuples(
        *(
            st.fixed_dictionaries(
                {"name": st.just(name), "image": st.just(IMAGE), "resources": resources},
                optional={
                    "command": st.lists(plain, max_size=3),
                    "args": st.lists(plain, max_size=3),
                    "env": environment,
                    "imagePullPolicy": st.sampled_from(["Always", "IfNotPresent", "Never"]),
                    "securityContext": optional(
                        runAsUser=st.integers(1, 2**31), privileged=st.booleans(), runAsNonRoot=st.booleans()
                    ),
                },
            )
            for name in chosen
        )
    ).map(list)
)
retry = st.builds(lambda attempts: {"attempts": attempts}, st.integers(1, 10))
timeout = st.builds(lambda seconds: {"attemptDurationSeconds": seconds}, st.integers(60, 10**6))
tags = st.dictionaries(names, plain, min_size=1, max_size=3)
definitions = st.fixed_dictionaries(
    {
        "jobDefinitionName": names,
        "type": st.just("container"),
        "eksProperties": st.fixed_dictionaries(
            {
                "podProperties": st.fixed_dictionaries(
                    {"containers": containers},
                    optional={
                        "hostNetwork": st.booleans(),
                        "dnsPolicy": st.sampled_from(["Default", "ClusterFirst", "ClusterFirstWithHostNet"]),
                        "metadata": optional(labels=st.dictionaries(names, names, max_size=3), namespace=st.just("a")),
                        "shareProcessNamespace": st.booleans(),
                    },
                )
            }
        ),
    },
    optional={
        "parameters": st.dictionaries(plain, plain, max_size=3),
        "retryStrategy": retry,
        "timeout": timeout,
        "schedulingPriority": st.integers(0, 9999),
        "tags": tags,
    },
)


@given(definitions)
def test_what_is_read_is_rendered(document: dict[str, Any]) -> None:
    spec = JobDefinitionSpec.from_document(document)
    assert spec.to_document() == document
    assert JobDefinitionSpec.from_document(spec.to_document()) == spec


@given(definitions)
def test_keyword_and_document_are_checked_alike(document: dict[str, Any]) -> None:
    assert JobDefinitionSpec.from_document(JobDefinitionSpec.model_validate(document).to_document())


@given(definitions)
def test_botocore_takes_what_a_spec_accepts(document: dict[str, Any]) -> None:
    assert REGISTER
    report = ParamValidator().validate(document, REGISTER)
    assert not report.has_errors(), report.generate_report()


keys = plain.filter(bool)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


def known(shape: str) -> st.SearchStrategy[str]:
    return st.sampled_from(list(batch_shapes()[shape]["members"]))


@settings(max_examples=150)
@given(
    top=st.dictionaries(known("RegisterJobDefinitionRequest") | keys, values, max_size=5),
    pod=st.dictionaries(known("EksPodProperties") | keys, values, max_size=5),
    container=st.dictionaries(known("EksContainer") | keys, values, max_size=5),
)
def test_nonsense_is_refused_with_faults(faults: Any, top: Any, pod: Any, container: Any) -> None:
    document = top | {"eksProperties": {"podProperties": {**pod, "containers": [container]}}}
    found = faults(JobDefinitionSpec, document)
    assert all(fault.rule and fault.fix and fault.source and fault.path for fault in found)
    assert found or JobDefinitionSpec.from_document(document).to_document() == document


@given(
    queue=st.dictionaries(known("CreateJobQueueRequest") | keys, values, max_size=5),
    request_=st.dictionaries(known("SubmitJobRequest") | keys, values, max_size=6),
)
def test_nonsense_never_crashes(faults: Any, queue: Any, request_: Any) -> None:
    for spec, document in ((JobQueueSpec, queue), (JobRequest, request_)):
        assert faults(spec, document) or spec.from_document(document).to_document() == document

"""Every rule of job definitions that needs no AWS."""

from typing import Any

import pytest

from specs.job_definition import JobDefinitionSpec

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tools:1"
POD = "eksProperties.podProperties"
C = f"{POD}.containers[0]"
LIMITS = {"cpu": "1", "memory": "1024Mi"}
CONTAINER = {"image": IMAGE, "resources": {"limits": LIMITS}}
EXIT = {"onReason": "*", "action": "EXIT"}

# AWS Batch User Guide, "Multi-container job definition" (create-job-definition-eks), names kept.
MULTI_CONTAINER = {
    "jobDefinitionName": "MyJobOnEks_Multi",
    "type": "container",
    "eksProperties": {
        "podProperties": {
            "serviceAccountName": "default",
            "hostNetwork": False,
            "dnsPolicy": "ClusterFirst",
            "shareProcessNamespace": False,
            "imagePullSecrets": [{"name": "registry"}],
            "initContainers": [
                {
                    "name": "init-container",
                    "image": IMAGE,
                    "command": ["echo"],
                    "args": ["hello world"],
                    "resources": {"requests": {"cpu": "1", "memory": "512Mi"}},
                }
            ],
            "containers": [
                {
                    "name": "main",
                    "image": IMAGE,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sleep", "60"],
                    "env": [{"name": "STAGE", "value": "test"}, {"name": "EMPTY", "value": ""}],
                    "resources": {
                        "limits": {"cpu": "2", "memory": "2048Mi", "nvidia.com/gpu": "1"},
                        "requests": {"cpu": "0.25", "memory": "2048Mi", "nvidia.com/gpu": "1"},
                    },
                    "securityContext": {
                        "runAsUser": 1000,
                        "runAsGroup": 3000,
                        "privileged": False,
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "runAsNonRoot": True,
                    },
                    "volumeMounts": [
                        {"name": "scratch", "mountPath": "/scratch", "subPath": "a", "readOnly": False},
                        {"name": "secret", "mountPath": "/secret", "readOnly": True},
                    ],
                },
                {"name": "sidecar", "image": IMAGE, "resources": {"limits": {"cpu": "0.5", "memory": "4Mi"}}},
            ],
            "volumes": [
                {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "128Mi"}},
                {"name": "plain", "emptyDir": {"medium": ""}},
                {"name": "secret", "secret": {"secretName": "database", "optional": True}},
                {"name": "host", "hostPath": {"path": "/etc/localtime"}},
                {"name": "claim", "persistentVolumeClaim": {"claimName": "shared", "readOnly": True}},
            ],
            "metadata": {
                "labels": {"environment": "test", "example.com/team": "data"},
                "annotations": {"example.com/note": "anything at all: ünïcode"},
                "namespace": "my-aws-batch-namespace",
            },
        }
    },
    "parameters": {"input": "s3://bucket/key"},
    "retryStrategy": {"attempts": 3, "evaluateOnExit": [{"onExitCode": "137", "action": "retry"}, EXIT]},
    "timeout": {"attemptDurationSeconds": 60},
    "schedulingPriority": 9999,
    "tags": {"team": "data"},
}


@pytest.mark.parametrize(
    ("path", "value", "where", "words"),
    [
        ("jobDefinitionName", "x" * 129, "jobDefinitionName", "1 to 128"),
        ("type", "multinode", "type", "not supported by this project"),
        ("type", "job", "type", "must be one of"),
        ("nodeProperties", {}, "nodeProperties", "not supported by this project"),
        ("containerProperties", {"image": "x"}, "containerProperties", "must not be specified for EKS"),
        ("ecsProperties", {}, "ecsProperties", "must not be specified for EKS"),
        ("platformCapabilities", ["EC2"], "platformCapabilities", "EKS has none"),
        ("propagateTags", True, "propagateTags", "does not put them on pods"),
        ("schedulingPriority", 10000, "schedulingPriority", "between 0 and 9999"),
        ("parameters", {"a": 1}, 'parameters["a"]', "a string"),
        ("eksProperties", {}, POD, "describe the pod"),
        (f"{POD}.containers", [], f"{POD}.containers", "one to ten"),
        (
            f"{POD}.containers",
            [CONTAINER | {"name": f"c{n}"} for n in range(11)],
            f"{POD}.containers",
            "at most 10",
        ),
        (
            f"{POD}.initContainers",
            [CONTAINER | {"name": f"c{n}"} for n in range(11)],
            f"{POD}.initContainers",
            "at most 10",
        ),
        (f"{POD}.containers[1]", CONTAINER, f"{POD}.containers[1].name", "a name of its own"),
        (f"{POD}.initContainers", [CONTAINER | {"name": "default"}], f"{POD}.initContainers[0].name", "of its own"),
        (f"{C}.name", "Main_1", f"{C}.name", "lower-case"),
        (f"{C}.image", "", f"{C}.image", "not empty"),
        (f"{C}.image", "<image>", f"{C}.image", "no placeholders"),
        (f"{C}.imagePullPolicy", "Sometimes", f"{C}.imagePullPolicy", "must be one of"),
        (f"{C}.imagePullPolicy", "ifnotpresent", f"{C}.imagePullPolicy", "Did you mean IfNotPresent?"),
        (f"{C}.command", "sleep 60", f"{C}.command", "a list"),
        (f"{C}.env", [{"name": "AWS_BATCH_JOB_ID"}], f"{C}.env[0].name", "cannot start with AWS_BATCH"),
        (f"{C}.env", [{"name": "1A"}], f"{C}.env[0].name", "no digit first"),
        (f"{C}.env", [{"value": "x"}], f"{C}.env[0].name", "required"),
        (f"{C}.env", [{"name": "A", "value": 1}], f"{C}.env[0].value", "a string"),
        (f"{C}.env", [{"name": "A", "valueFrom": {}}], f"{C}.env[0].valueFrom", "no such field"),
        (f"{C}.envFrom", [], f"{C}.envFrom", "List each variable in env"),
        (f"{C}.livenessProbe", {}, f"{C}.livenessProbe", "not probed"),
        (f"{C}.lifecycle", {}, f"{C}.lifecycle", "no such field"),
        (f"{C}.ports", [], f"{C}.ports", "nothing connects"),
        (f"{C}.workingDir", "/", f"{C}.workingDir", "in the command"),
        (f"{C}.logConfiguration", {}, f"{C}.logConfiguration", "no log driver on EKS"),
        (f"{C}.volumeMount", [], f"{C}.volumeMount", "Did you mean volumeMounts?"),
        (f"{C}.volumeMounts", [{"name": "x", "mountPath": "/x"}], f"{C}.volumeMounts[0].name", "one of the pod's"),
        (f"{C}.securityContext", {"runAsNonRoot": True, "runAsUser": 0}, f"{C}.securityContext.runAsUser", "not be 0"),
        (f"{C}.securityContext", {"runAsUser": -1}, f"{C}.securityContext.runAsUser", "at least 0"),
        (
            f"{C}.securityContext",
            {"privileged": True, "allowPrivilegeEscalation": False},
            f"{C}.securityContext.allowPrivilegeEscalation",
            "always allows",
        ),
        (f"{POD}.volumes", [{"name": "v"}], f"{POD}.volumes[0]", "exactly one kind"),
        (
            f"{POD}.volumes",
            [{"name": "v", "emptyDir": {}, "secret": {"secretName": "s"}}],
            f"{POD}.volumes[0]",
            "exactly one kind",
        ),
        (f"{POD}.volumes", [{"name": "V_1", "emptyDir": {}}], f"{POD}.volumes[0].name", "lower-case"),
        (f"{POD}.volumes", [{"name": "v", "emptyDir": {}}] * 2, f"{POD}.volumes[1].name", "of its own"),
        (
            f"{POD}.volumes",
            [{"name": "v", "emptyDir": {"medium": "Disk"}}],
            f"{POD}.volumes[0].emptyDir.medium",
            "must be one of",
        ),
        (
            f"{POD}.volumes",
            [{"name": "v", "emptyDir": {"sizeLimit": "lots"}}],
            f"{POD}.volumes[0].emptyDir.sizeLimit",
            "quantity",
        ),
        (f"{POD}.volumes", [{"name": "v", "secret": {}}], f"{POD}.volumes[0].secret.secretName", "required"),
        (
            f"{POD}.volumes",
            [{"name": "v", "secret": {"secretName": "S"}}],
            f"{POD}.volumes[0].secret.secretName",
            "lower-case",
        ),
        (f"{POD}.volumes", [{"name": "v", "hostPath": {}}], f"{POD}.volumes[0].hostPath.path", "names the path"),
        (f"{POD}.volumes", [{"name": "v", "nfs": {}, "emptyDir": {}}], f"{POD}.volumes[0].nfs", "no such field"),
        (f"{POD}.serviceAccountName", "Batch Jobs", f"{POD}.serviceAccountName", "lower-case"),
        (f"{POD}.imagePullSecrets", [{}], f"{POD}.imagePullSecrets[0].name", "required"),
        (f"{POD}.dnsPolicy", "None", f"{POD}.dnsPolicy", "must be one of"),
        (f"{POD}.hostNetwork", "true", f"{POD}.hostNetwork", "true or false"),
        (f"{POD}.tolerations", [], f"{POD}.tolerations", "tolerates the taint"),
        (f"{POD}.nodeSelector", {}, f"{POD}.nodeSelector", "chooses the node itself"),
        (f"{POD}.affinity", {}, f"{POD}.affinity", "chooses the node itself"),
        (f"{POD}.priorityClassName", "high", f"{POD}.priorityClassName", "before they become pods"),
        (f"{POD}.securityContext", {}, f"{POD}.securityContext", "on each container"),
        (f"{POD}.restartPolicy", "Never", f"{POD}.restartPolicy", "Use retryStrategy"),
        (f"{POD}.metadata.namespace", "default", f"{POD}.metadata.namespace", "namespace default"),
        (f"{POD}.metadata.namespace", "kubernetes", f"{POD}.metadata.namespace", "begin with kube"),
        (f"{POD}.metadata.namespace", "", f"{POD}.metadata.namespace", "1 to 63"),
        (f"{POD}.metadata.annotations", {"a": "x" * 256}, f'{POD}.metadata.annotations["a"]', "at most 255"),
        (f"{POD}.metadata.annotations", {"a/b/c": ""}, f'{POD}.metadata.annotations["a/b/c"]', "DNS subdomain"),
        (f"{POD}.metadata.labels", {"a": "x" * 64}, f'{POD}.metadata.labels["a"]', "at most 63"),
        (f"{POD}.metadata.labels", {"a b": "x"}, f'{POD}.metadata.labels["a b"]', "at most 63"),
        (f"{POD}.metadata.name", "x", f"{POD}.metadata.name", "no such field"),
        ("retryStrategy", {"attempts": 0}, "retryStrategy.attempts", "between 1 and 10"),
        ("retryStrategy", {"attempts": 11}, "retryStrategy.attempts", "between 1 and 10"),
        ("retryStrategy", {"evaluateOnExit": [EXIT]}, "retryStrategy.attempts", "must be given too"),
        ("retryStrategy", {"attempts": 2, "evaluateOnExit": [EXIT] * 6}, "retryStrategy.evaluateOnExit", "at most 5"),
        (
            "retryStrategy",
            {"attempts": 2, "evaluateOnExit": [{"action": "EXIT"}]},
            "retryStrategy.evaluateOnExit[0]",
            "At least one of",
        ),
        (
            "retryStrategy",
            {"attempts": 2, "evaluateOnExit": [{"onReason": "*x", "action": "EXIT"}, EXIT]},
            "retryStrategy.evaluateOnExit[0].onReason",
            "only at the end",
        ),
        (
            "retryStrategy",
            {"attempts": 2, "evaluateOnExit": [{"onStatusReason": "x" * 513, "action": "EXIT"}, EXIT]},
            "retryStrategy.evaluateOnExit[0].onStatusReason",
            "512 characters",
        ),
        (
            "retryStrategy",
            {"attempts": 2, "evaluateOnExit": [{"onExitCode": "x", "action": "EXIT"}, EXIT]},
            "retryStrategy.evaluateOnExit[0].onExitCode",
            "digits",
        ),
        (
            "retryStrategy",
            {"attempts": 2, "evaluateOnExit": [{"onExitCode": "1", "action": "STOP"}, EXIT]},
            "retryStrategy.evaluateOnExit[0].action",
            "must be one of",
        ),
        ("timeout", {"attemptDurationSeconds": 59}, "timeout.attemptDurationSeconds", "at least 60"),
        ("parameters", {"big": "x" * 24 * 1024}, "document", "at most 24576 bytes"),
        ("tags", {"aws:x": ""}, 'tags["aws:x"]', "AWS's own"),
    ],
)
def test_rule(path: str, value: Any, where: str, words: str, job_definition: Any, edit: Any, faults: Any) -> None:
    found = faults(JobDefinitionSpec, edit(job_definition, path, value))
    assert [fault.path for fault in found] == [where]
    assert words in str(found[0])


@pytest.mark.parametrize(
    ("limits", "requests", "where", "words"),
    [
        ({"cpu": "100m", "memory": "8Mi"}, {}, 'limits["cpu"]', 'milli form is not supported. Write "0.25"'),
        ({"cpu": "1500m", "memory": "8Mi"}, {}, 'limits["cpu"]', 'Write "1.5"'),
        ({"cpu": "0.3", "memory": "8Mi"}, {}, 'limits["cpu"]', "multiple of 0.25"),
        ({"cpu": "١", "memory": "8Mi"}, {}, 'limits["cpu"]', "multiple of 0.25"),
        ({"cpu": "1", "memory": "٨Mi"}, {}, 'limits["memory"]', "whole number"),
        ({"cpu": "1", "memory": "8Mi", "nvidia.com/gpu": "١"}, {}, 'limits["nvidia.com/gpu"]', "whole number"),
        ({"cpu": "0", "memory": "8Mi"}, {}, 'limits["cpu"]', "at least 0.25"),
        ({"cpu": 1, "memory": "8Mi"}, {}, 'limits["cpu"]', "a string"),
        ({"cpu": "1", "memory": "1Gi"}, {}, 'limits["memory"]', 'Write for example "1024Mi"'),
        ({"cpu": "1", "memory": "1.5Mi"}, {}, 'limits["memory"]', "whole number"),
        ({"cpu": "1", "memory": "512"}, {}, 'limits["memory"]', "suffix Mi"),
        ({"cpu": "1", "memory": "3Mi"}, {}, 'limits["memory"]', "at least 4 MiB"),
        ({"cpu": "1", "memory": "8Mi"}, {"memory": "4Mi"}, 'requests["memory"]', "equal to the limit"),
        ({"cpu": "1", "memory": "8Mi"}, {"cpu": "1.25"}, 'requests["cpu"]', "at least as large"),
        ({"memory": "8Mi"}, {}, 'limits["cpu"]', "how much cpu"),
        ({"cpu": "1"}, {}, 'limits["memory"]', "how much memory"),
        ({"cpu": "1", "memory": "8Mi", "nvidia.com/gpu": "0.5"}, {}, 'limits["nvidia.com/gpu"]', "whole number"),
        (
            {"cpu": "1", "memory": "8Mi", "nvidia.com/gpu": "2"},
            {"nvidia.com/gpu": "1"},
            'requests["nvidia.com/gpu"]',
            "equal to the limit",
        ),
        ({"cpu": "1", "memory": "8Mi", "ephemeral-storage": "1Gi"}, {}, 'limits["ephemeral-storage"]', "nothing else"),
    ],
)
def test_resources(
    limits: Any, requests: Any, where: str, words: str, job_definition: Any, edit: Any, faults: Any
) -> None:
    resources = {"limits": limits} | ({"requests": requests} if requests else {})
    (fault,) = faults(JobDefinitionSpec, edit(job_definition, f"{C}.resources", resources))
    assert fault.path == f"{C}.resources.{where}"
    assert words in str(fault)


@pytest.mark.parametrize(
    "resources",
    [
        {"limits": {"cpu": "0.25", "memory": "4Mi"}},
        {"requests": {"cpu": "1.75", "memory": "1024Mi"}},
        {"limits": {"memory": "8Mi"}, "requests": {"cpu": "1"}},
        {"limits": {"cpu": "2.50", "memory": "8Mi"}, "requests": {"cpu": "2.25", "memory": "008Mi"}},
    ],
)
def test_allowed_resources(resources: Any, job_definition: Any, edit: Any, faults: Any) -> None:
    assert faults(JobDefinitionSpec, edit(job_definition, f"{C}.resources", resources)) == []


@pytest.mark.parametrize("path", ["jobDefinitionName", "type", "eksProperties", POD, f"{POD}.containers", f"{C}.image"])
def test_required(path: str, job_definition: Any, edit: Any, faults: Any) -> None:
    assert [fault.path for fault in faults(JobDefinitionSpec, edit(job_definition, path))] == [path]


def test_mount_paths(job_definition: Any, edit: Any, faults: Any) -> None:
    mounts = [
        {"name": "v"},
        {"name": "v", "mountPath": "a:b"},
        {"name": "v", "mountPath": "/v"},
        {"name": "v", "mountPath": "/v"},
    ]
    document = edit(job_definition, f"{POD}.volumes", [{"name": "v", "emptyDir": {}}])
    found = faults(JobDefinitionSpec, edit(document, f"{C}.volumeMounts", mounts))
    assert [fault.path for fault in found] == [f"{C}.volumeMounts[{n}].mountPath" for n in (0, 1, 3)]


def test_multi_container_round_trip() -> None:
    spec = JobDefinitionSpec.from_document(MULTI_CONTAINER)
    assert spec.to_document() == MULTI_CONTAINER
    assert spec.warnings == []
    assert spec.eks_properties.pod_properties.containers[1].name == "sidecar"


def test_the_definition_that_describe_answers_can_be_read(job_definition: Any, edit: Any, faults: Any) -> None:
    # DescribeJobDefinitions fills in the name, the pull policy and the requests.
    container = job_definition["eksProperties"]["podProperties"]["containers"][0]
    filled = container | {
        "name": "Default",
        "imagePullPolicy": "IfNotPresent",
        "resources": {"limits": LIMITS, "requests": LIMITS},
    }
    assert faults(JobDefinitionSpec, edit(job_definition, C, filled)) == []


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (f"{C}.image", "public.ecr.aws/amazonlinux/amazonlinux:2", "cannot pull from public.ecr.aws"),
        (f"{C}.image", "busybox", "cannot pull from docker.io"),
        (f"{C}.env", [{"name": "A"}, {"name": "A"}], "the last one wins"),
        (f"{POD}.dnsPolicy", "ClusterFirst", "falls back to Default"),
        ("retryStrategy", {"attempts": 2, "evaluateOnExit": [{"onExitCode": "1", "action": "EXIT"}]}, "is retried"),
        ("consumableResourceProperties", {"consumableResourceList": []}, "passed through"),
    ],
)
def test_warning(path: str, value: Any, words: str, job_definition: Any, edit: Any) -> None:
    document = edit(job_definition, path, value)
    spec = JobDefinitionSpec.from_document(document)
    assert spec.to_document() == document
    (warning,) = spec.warnings
    assert words in warning


def test_all_faults_at_once(job_definition: Any, edit: Any, faults: Any) -> None:
    document = edit(job_definition, C, {"image": 5, "env": [{"name": "AWS_BATCH_X", "value": 1}], "resources": {}})
    document = edit(edit(document, "timeout", {"attemptDurationSeconds": 1}), "containerProperties", {})
    assert {fault.path for fault in faults(JobDefinitionSpec, document)} == {
        "containerProperties",
        "timeout.attemptDurationSeconds",
        f"{C}.image",
        f"{C}.env[0].name",
        f"{C}.env[0].value",
        f'{C}.resources.limits["cpu"]',
        f'{C}.resources.limits["memory"]',
    }


def test_the_default_is_the_tutorials_with_its_public_image(job_definition: Any, edit: Any) -> None:
    document = edit(job_definition, f"{C}.image", "public.ecr.aws/amazonlinux/amazonlinux:2")
    assert JobDefinitionSpec().to_document() == document

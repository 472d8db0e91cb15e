"""Whether the pods of add-ons run on Batch's nodes, and what they are configured with."""

import json

import pytest

from specs.addon import (
    CLOUDWATCH,
    POD_IDENTITY_AGENT,
    collects_container_logs,
    tolerates_batch_nodes,
    with_container_logs,
)

KEY = "batch.amazonaws.com/batch-node"
BATCH = {"key": KEY, "operator": "Exists"}


@pytest.mark.parametrize(
    ("name", "version", "values", "tolerates"),
    [
        (POD_IDENTITY_AGENT, "v1.2.0-eksbuild.1", "", True),
        (POD_IDENTITY_AGENT, "v1.1.9-eksbuild.2", "", False),
        (CLOUDWATCH, "v1.7.0-eksbuild.1", "{}", True),
        (CLOUDWATCH, "v1.10.2-eksbuild.1", "", True),
        (CLOUDWATCH, "v1.6.1-eksbuild.1", "", False),
        # What is configured replaces the default.
        (CLOUDWATCH, "v6.0.1-eksbuild.1", '{"tolerations": []}', False),
        (CLOUDWATCH, "v1.6.1-eksbuild.1", json.dumps({"tolerations": [BATCH]}), True),
        (CLOUDWATCH, "v1.6.1-eksbuild.1", "tolerations:\n- operator: Exists\n", True),
        (CLOUDWATCH, "v1.6.1-eksbuild.1", json.dumps({"tolerations": [{**BATCH, "effect": "NoSchedule"}]}), False),
        (
            CLOUDWATCH,
            "v1.6.1-eksbuild.1",
            json.dumps({"tolerations": [{**BATCH, "effect": effect} for effect in ("NoSchedule", "NoExecute")]}),
            True,
        ),
        (CLOUDWATCH, "v6.0.1-eksbuild.1", json.dumps({"tolerations": [{"key": KEY, "value": "true"}]}), False),
    ],
)
def test_who_tolerates_batch_s_taints(name: str, version: str, values: str, tolerates: bool) -> None:
    assert tolerates_batch_nodes(name, version, values) is tolerates


@pytest.mark.parametrize(
    ("version", "values", "wanted"),
    [
        # EKS chooses the version: AWS's page has the toleration said in any case.
        ("", "", {"tolerations": [BATCH]}),
        ("v6.0.1-eksbuild.1", '{"agent": {"a": 1}}', {"agent": {"a": 1}}),
        (
            "v6.0.1-eksbuild.1",
            "tolerations: [{key: mine, operator: Exists}]\ncontainerLogs: {enabled: false, fluentBit: {}}",
            {
                "tolerations": [{"key": "mine", "operator": "Exists"}, BATCH],
                "containerLogs": {"enabled": True, "fluentBit": {}},
            },
        ),
    ],
)
def test_what_is_configured_stays_beside_what_logs_need(version: str, values: str, wanted: dict[str, object]) -> None:
    made = with_container_logs(version, values)
    assert json.loads(made) == wanted
    assert collects_container_logs(made)
    assert tolerates_batch_nodes(CLOUDWATCH, version, made)
    assert json.loads(with_container_logs(version, made)) == wanted

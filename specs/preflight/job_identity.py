"""Rules of the jobs' own identity: what gives the pods of a service account an IAM role."""

from collections.abc import Iterator

from specs.addon import POD_IDENTITY_AGENT, tolerates_batch_nodes
from specs.preflight.optional_parts import JobIdentity
from specs.preflight.rule import Finding, error, rule_of, warning
from specs.role_trust import STS_AUDIENCE, trust_faults, trusts_everybody
from specs.source import EKS_GUIDE


def _provider(identity: JobIdentity) -> Iterator[Finding]:
    yield from _agent(identity) if identity.by_pod_identity else _oidc_provider(identity)


def _agent(identity: JobIdentity) -> Iterator[Finding]:
    agent, command = identity.agent, f"--cluster-name {identity.cluster} --addon-name {POD_IDENTITY_AGENT}"
    if agent is None:
        yield error(
            f"the cluster does not have the add-on {POD_IDENTITY_AGENT}, which gives pods their credentials",
            f"aws eks create-addon {command}",
        )
    elif agent.status != "ACTIVE":
        yield error(
            f"the add-on {POD_IDENTITY_AGENT} is {agent.status}",
            f"aws eks describe-addon {command} says why; wait where it is being changed",
        )
    elif not tolerates_batch_nodes(agent.name, agent.version, agent.configuration):
        yield error(
            f"the add-on {POD_IDENTITY_AGENT} {agent.version} does not tolerate the taint of Batch's nodes, so that no "
            "agent runs beside the jobs",
            f"update it to v1.2.0 or newer, or aws eks update-addon {command} --configuration-values "
            """'{"tolerations":[{"operator":"Exists"}]}'""",
        )


def _oidc_provider(identity: JobIdentity) -> Iterator[Finding]:
    provider = identity.assumption.principal
    if identity.provider_found is None:
        yield warning(
            f"whether IAM has the OIDC provider {provider} could not be looked at",
            "allow the worker iam:GetOpenIDConnectProvider, and run where IAM answers, to have it checked",
        )
    elif not identity.provider_found:
        yield error(
            f"IAM has no OIDC provider {provider}, which vouches for the cluster's service accounts",
            f"eksctl utils associate-iam-oidc-provider --cluster {identity.cluster} --approve",
        )
    elif STS_AUDIENCE not in identity.provider_audiences:
        yield error(
            f"the OIDC provider {provider} is not for the audience {STS_AUDIENCE}",
            "aws iam add-client-id-to-open-id-connect-provider "
            f"--open-id-connect-provider-arn {provider} --client-id {STS_AUDIENCE}",
        )


def _role(identity: JobIdentity) -> Iterator[Finding]:
    if identity.role_found is None:
        yield warning(
            f"{identity.role} could not be looked at: whether it trusts {identity.assumption.principal} is not known",
            "allow the worker iam:GetRole, and run where IAM answers, to have it checked",
        )
    elif identity.role_found != identity.role:
        there = f"the role of this name is {identity.role_found}" if identity.role_found else "there is no such role"
        yield error(
            f"{identity.role} is no role of the cluster's account: {there}",
            "name a role of that account, path and all; by IRSA one of another account will do",
        )
    else:
        yield from _trust(identity)


def _trust(identity: JobIdentity) -> Iterator[Finding]:
    name = identity.role.rpartition("/")[2]
    faults = trust_faults(identity.trust, identity.assumption)
    if faults:
        yield error(
            f"{identity.role} cannot be had by the pods of {identity.account}: {'; '.join(faults)}",
            f"add this statement with aws iam update-assume-role-policy --role-name {name}: "
            f"{identity.assumption.statement()}",
        )
    elif trusts_everybody(identity.trust, identity.assumption):
        yield warning(
            f"{identity.role} trusts every service account of the cluster, not {identity.account} alone",
            f"ask for {', '.join(identity.assumption.identifying)} in the conditions of its trust policy",
        )


def _account(identity: JobIdentity) -> Iterator[Finding]:
    if identity.other_identity:
        yield error(
            f"the service account {identity.account} has another identity: {identity.other_identity}",
            "take that away, or give the jobs an account of another name: which of two identities an SDK uses depends "
            "on the SDK",
        )


RULES = (
    rule_of(
        "job_identity",
        "job-identity-provider",
        "what gives jobs the credentials of their role is there",
        f"{EKS_GUIDE}/service-accounts.html",
        _provider,
    ),
    rule_of(
        "job_identity",
        "job-role-trust",
        "the jobs' role trusts their service account",
        f"{EKS_GUIDE}/pod-id-role.html, {EKS_GUIDE}/associate-service-account-role.html",
        _role,
    ),
    rule_of(
        "job_identity",
        "job-service-account",
        "the jobs' service account has one identity",
        f"{EKS_GUIDE}/pod-id-how-it-works.html",
        _account,
    ),
)

"""Check every prerequisite before anything is set up, and add what is safe to add."""

from contextlib import nullcontext

from prefect import flow
from prefect.futures import PrefectFuture, wait

from blocks.eks_cluster import EksCluster
from specs.flow_parameters import Switch
from specs.image_source import ImageSource
from specs.platform import PlatformSpec
from specs.preflight.fixes import AddGateway, AddInterfaceEndpoint, AssociateRouteTable, Fix, fixes
from specs.preflight.rule import LEVELS
from specs.preflight.rules import find, passed
from tasks.cluster_lock import cluster_lock
from tasks.instance_profile import ensure_instance_profile
from tasks.outcome import Outcome
from tasks.preflight.picture import Picture, take_picture
from tasks.preflight.report import PreflightError, PreflightReport
from tasks.route_table_association import associate_route_table
from tasks.vpc_endpoint import ensure_gateway_endpoint, ensure_interface_endpoint


@flow(name="preflight", flow_run_name="preflight of {cluster.cluster_name}")
def preflight(
    cluster: EksCluster,
    platform: PlatformSpec,
    image_source: ImageSource = "mirror",
    fix: Switch = False,
    plan: Switch = False,
) -> PreflightReport:
    """Check every prerequisite of setup, all at once: network, endpoints, identities, rights, quotas, reachability.

    Run it where setup is going to run: what answers there is part of what is checked.

    Args:
        cluster: The cluster, and who calls it.
        platform: What is going to be set up, as setup takes it.
        image_source: As setup takes it; mirror and pull_through need the internet here.
        fix: Add what is missing and safe to add: VPC endpoints and their private DNS, the route table of a subnet that
            has none of its own where it is evident which is meant, and the instance profile of the node role
            (nodeRoleArn). Nothing is taken away or pointed elsewhere.
        plan: With fix, show what would be added and add nothing.

    Returns:
        What was found; also shown as the artifact preflight.

    Raises:
        PreflightError: If something is wrong with which setup or jobs fail; the message holds all of it.
    """
    picture = take_picture(cluster, platform, image_source)
    added: tuple[Outcome, ...] = ()
    not_added: tuple[str, ...] = ()
    if fix:
        added, not_added = _add(cluster, picture, plan)
        if added and not plan:
            picture = take_picture(cluster, platform, image_source)
    report = _report(picture, added, not_added)
    report.show(f"Preflight of {cluster.cluster_name}" + (" (plan)" if fix and plan else ""))
    if errors := report.of("ERROR"):
        raise PreflightError(errors)
    return report


def _add(cluster: EksCluster, picture: Picture, plan: bool) -> tuple[tuple[Outcome, ...], tuple[str, ...]]:
    """Add what is missing: one that fails keeps no other from being added."""
    planned = fixes(picture.facts)
    with nullcontext() if plan or not planned.wanted else cluster_lock(cluster.arn):
        futures = [_submit(cluster, wanted, plan) for wanted in planned.wanted]
        wait(list(futures))
    results = [future.result(raise_on_failure=False) for future in futures]
    failures = tuple(str(result) for result in results if isinstance(result, BaseException))
    return tuple(result for result in results if isinstance(result, Outcome)), (*planned.refused, *failures)


def _submit(cluster: EksCluster, wanted: Fix, plan: bool) -> PrefectFuture[Outcome]:
    if isinstance(wanted, AssociateRouteTable):
        return associate_route_table.submit(cluster, wanted, plan=plan)
    if isinstance(wanted, AddInterfaceEndpoint):
        return ensure_interface_endpoint.submit(cluster, wanted, plan=plan)
    if isinstance(wanted, AddGateway):
        return ensure_gateway_endpoint.submit(cluster, wanted, plan=plan)
    return ensure_instance_profile.submit(cluster, wanted, plan=plan)


def _report(picture: Picture, added: tuple[Outcome, ...], not_added: tuple[str, ...]) -> PreflightReport:
    found = sorted([*picture.unseen, *find(picture.facts)], key=lambda finding: LEVELS.index(finding.level))
    fine = tuple((rule.name, rule.demand) for rule in passed(picture.facts))
    return PreflightReport(findings=tuple(found), passed=fine, added=added, not_added=not_added)

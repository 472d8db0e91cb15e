"""Step 10: the job definition, its images pinned by digest."""

from collections.abc import Mapping, Sequence
from typing import Any

from blocks.eks_cluster import EksCluster
from specs.container_images import with_images
from specs.job_definition import JobDefinitionSpec
from tasks.batch_resource import BatchResource
from tasks.console import batch_url
from tasks.outcome import Action, Change, Outcome
from tasks.reconcile import reconcile
from tasks.step import step


class JobDefinition(BatchResource):
    """The newest ACTIVE revision of a definition; every change registers another one."""

    step = "job definition"

    def observe(self) -> dict[str, Any] | None:
        """The newest ACTIVE revision."""
        return newest_revision(self.cluster, self.name)

    def create(self) -> None:
        """Register the first revision."""
        self.cluster.batch_once.register_job_definition(**self.wanted(marked=True))

    def update(self, observed: Mapping[str, Any], changes: list[Change]) -> Action:
        """Register another revision; jobs that run keep theirs."""
        self.create()
        return "updated"

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """ARN of the revision."""
        return str(observed["jobDefinitionArn"])

    def console_url(self) -> str:
        """Its page in the Batch console."""
        return batch_url(self.cluster, "job-definition", self.name)


@step("job definition {spec.job_definition_name}")
def ensure_job_definition(
    cluster: EksCluster,
    spec: JobDefinitionSpec,
    images: Sequence[Outcome] = (),
    *,
    plan: bool = False,
    adopt: bool = False,
) -> Outcome:
    """Register the job definition, unless its newest revision already says the same.

    RegisterJobDefinition makes a revision at every call and AWS fills in defaults, so the comparison rests on a
    hash of the document kept as a tag, and on the document being contained in what AWS shows.

    Args:
        cluster: Where.
        spec: The definition.
        images: Outcomes of its images: each name is replaced by its identifier, the private image and its digest.
        plan: Report only.
        adopt: Register over a definition that is not ours.

    Raises:
        OperationError: If AWS refuses, or a definition of the name is not ours and differs.
    """
    pinned = with_images(spec, {image.name: image.identifier for image in images})
    definition = JobDefinition(cluster, spec.job_definition_name, pinned.to_document())
    return reconcile(definition, plan=plan, adopt=adopt)


def newest_revision(cluster: EksCluster, name: str) -> dict[str, Any] | None:
    """The newest ACTIVE revision of a job definition as Batch describes it; None where there is none."""
    pages = cluster.batch.get_paginator("describe_job_definitions").paginate(jobDefinitionName=name, status="ACTIVE")
    revisions = {found["revision"]: dict(found) for page in pages for found in page["jobDefinitions"]}
    return revisions[max(revisions)] if revisions else None

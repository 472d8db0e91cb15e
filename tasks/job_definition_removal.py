"""Deregisters the job definition: every ACTIVE revision of it that is ours."""

from collections.abc import Mapping
from typing import Any

from tasks.batch_removal import BatchRemovable
from tasks.console import batch_url
from tasks.ownership import has_aws_mark


class JobDefinitionRemoval(BatchRemovable):
    """A job definition to be deregistered. AWS Batch shows it as INACTIVE for 180 days more."""

    step = "job definition"

    def observe(self) -> dict[str, Any] | None:
        """Its ACTIVE revisions."""
        pages = self.cluster.batch.get_paginator("describe_job_definitions").paginate(
            jobDefinitionName=self.name, status="ACTIVE"
        )
        revisions = [dict(found) for page in pages for found in page["jobDefinitions"]]
        return {"revisions": revisions} if revisions else None

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Whether a revision carries our tag."""
        return any(has_aws_mark(revision) for revision in observed["revisions"])

    def advance(self, observed: Mapping[str, Any]) -> None:
        """Deregister the revisions that are ours."""
        for revision in observed["revisions"]:
            if has_aws_mark(revision):
                self.cluster.batch.deregister_job_definition(jobDefinition=revision["jobDefinitionArn"])

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """ARNs of its revisions that are ours."""
        return " ".join(one["jobDefinitionArn"] for one in observed["revisions"] if has_aws_mark(one))

    def console_url(self) -> str:
        """Its page in the Batch console."""
        return batch_url(self.cluster, "job-definition", self.name)

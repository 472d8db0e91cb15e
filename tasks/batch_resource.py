"""What compute environment, job queue and scheduling policy share: tags as marks, and Batch's words for a lost race."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from blocks.aws_errors import error_text
from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from tasks.outcome import Change
from tasks.ownership import has_aws_mark, with_aws_marks
from tasks.reconcile import Resource

# Batch answers ClientException for everything; only its words tell these apart.
RACE_WORDS = ("Object already exists", "resource is being modified")


class BatchResource(Resource):
    """A resource of AWS Batch, wanted as the document of its Create call.

    Args:
        cluster: Gives the Batch client.
        name: The resource's name.
        document: The Create call's document.
    """

    def __init__(self, cluster: EksCluster, name: str, document: Mapping[str, Any]) -> None:
        super().__init__(name)
        self.cluster = cluster
        self.document = document

    def wanted(self, *, marked: bool) -> dict[str, Any]:
        """The Create document, with our tags if asked for."""
        return with_aws_marks(self.document) if marked else dict(self.document)

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Whether it carries our tag."""
        return has_aws_mark(observed)

    def retag(self, arn: str, changes: list[Change]) -> None:
        """Bring the tags in line, where they are among the changes."""
        if any(change.field.startswith("tags.") for change in changes):
            self.cluster.batch.tag_resource(resourceArn=arn, tags=self.wanted(marked=True)["tags"])

    def refuse_immutable(self, changes: list[Change], fields: tuple[str, ...], next_step: str) -> None:
        """Refuse a change that Batch has no call for, before anything is sent.

        Raises:
            OperationError: If a change concerns one of the fields or what is below it.
        """
        stuck = [change for change in changes if change.field.startswith(fields)]
        if stuck:
            raise OperationError(
                f"{self.step} {self.name}",
                "it exists and differs where it cannot be changed: " + "; ".join(map(str, stuck)),
                "AWS Batch fixes these fields at creation",
                next_step,
            )

    @contextmanager
    def racing(self) -> Iterator[None]:
        """Make a lost race heal: the step then reads what the winner made, or waits until Batch is done changing it."""
        try:
            yield
        except ClientError as error:
            if not any(words in error_text(error) for words in RACE_WORDS):
                raise
            raise OperationError(
                f"{self.step} {self.name}",
                error_text(error),
                "it was made or changed in the meantime, perhaps by a call of ours whose answer was lost",
                "wait: the step reads it anew",
                can_heal=True,
            ) from error

"""What compute environment, job queue and scheduling policy share: tags as marks, and Batch's words for a lost race."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from blocks.aws_errors import error_text
from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from tasks.outcome import Action, Change
from tasks.ownership import HASH_TAG, OWNER_TAG, has_aws_mark, spec_hash, with_aws_marks
from tasks.reconcile import Resource

# Batch answers ClientException for everything; only its words tell these apart.
RACE_WORDS = ("Object already exists", "resource is being modified")


class BatchResource(Resource):
    """A resource of AWS Batch, wanted as the document of its Create call.

    Attributes:
        unset: What the Update call takes to unset a field, by path; None where it takes nothing.
        filled_in: What Batch fills in for such a field that was never set, by path.

    Args:
        cluster: Gives the Batch client.
        name: The resource's name.
        document: The Create call's document.
    """

    unset: ClassVar[Mapping[str, Any]] = {}
    filled_in: ClassVar[Mapping[str, Any]] = {}

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

    def rehearse(self, observed: Mapping[str, Any] | None, changes: list[Change]) -> Action:
        """Refuse in a plan what `update` would refuse; Batch itself has no dry run."""
        if observed is not None:
            self.check_changes(observed, changes)
        return super().rehearse(observed, changes)

    def check_changes(self, observed: Mapping[str, Any], changes: list[Change]) -> None:
        """Refuse what Batch has no call for, before anything is sent."""

    def leftovers(self, observed: Mapping[str, Any]) -> list[Change]:
        """Fields that an earlier document of ours set and this one leaves out, with what unsets them."""
        if not self.was_made_from_another_spec(observed):
            return []
        return [
            Change(field=path, observed=held, wanted=empty)
            for path, empty in self.unset.items()
            if _at(self.document, path) is None
            and (held := _at(observed, path)) not in (None, "", [], {}, empty, self.filled_in.get(path))
        ]

    def was_made_from_another_spec(self, observed: Mapping[str, Any]) -> bool:
        """Whether it carries the hash of another document than the one that is wanted now."""
        made_from = observed.get("tags", {}).get(HASH_TAG)
        return made_from is not None and made_from != spec_hash(self.document)

    def kept_tags(self, observed: Mapping[str, Any]) -> str:
        """A sentence on tags that the document does not name: the service does not say who set them, so they stay."""
        named = {*self.document.get("tags", {}), OWNER_TAG, HASH_TAG}
        kept = sorted(tag for tag in observed.get("tags", {}) if tag not in named and not tag.startswith("aws:"))
        if not (kept and self.was_made_from_another_spec(observed)):
            return ""
        return (
            f"{self.step} {self.name} keeps the tags {', '.join(kept)}, which its document does not name: an earlier "
            f"document or somebody else set them; remove those that are not wanted with "
            f"`aws batch untag-resource --resource-arn {self.identifier(observed)} --tag-keys ...`"
        )

    def retag(self, arn: str, changes: list[Change]) -> None:
        """Bring the tags in line, where they are among the changes.

        It comes last: the hash among them says that all else has been done, so that a run that stops between the
        two does it again.
        """
        if any(change.field.startswith("tags.") for change in changes):
            self.cluster.batch.tag_resource(resourceArn=arn, tags=self.wanted(marked=True)["tags"])

    def refuse_immutable(self, stuck: list[Change], next_step: str) -> None:
        """Refuse changes that Batch has no call for, before anything is sent.

        Raises:
            OperationError: If there are any.
        """
        if stuck:
            raise OperationError(
                f"{self.step} {self.name}",
                "it exists and differs where it cannot be changed: " + "; ".join(map(str, stuck)),
                "AWS Batch fixes these fields at creation",
                next_step,
            )

    def refuse_unset(self, changes: list[Change], next_step: str) -> None:
        """Refuse to leave out what Batch has no way to unset, before anything is sent.

        Raises:
            OperationError: If a change would unset such a field.
        """
        stuck = [change for change in changes if change.wanted is None and change.field in self.unset]
        if stuck:
            raise OperationError(
                f"{self.step} {self.name}",
                "its document no longer has what it was made with: "
                + "; ".join(f"{change.field}: {change.observed!r}" for change in stuck),
                "AWS Batch documents no way to unset these fields",
                f"put them back into the document, or {next_step}",
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


def _at(document: Mapping[str, Any], path: str) -> Any:
    found: Any = document
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found

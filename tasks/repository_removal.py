"""Deletes a private repository with its images, where that was asked for and nobody runs them."""

from collections.abc import Mapping, Sequence
from typing import Any

from blocks.eks_cluster import EksCluster
from specs.repository import RepositorySpec
from tasks.active_definition import active_definitions, private_images, revision_name
from tasks.console import repository_url
from tasks.outcome import Outcome
from tasks.ownership import has_aws_mark
from tasks.private_registry import PrivateRegistry
from tasks.removal import Removable, names_removed
from tasks.repository import Repository


class RepositoryRemoval(Removable):
    """A repository to be deleted.

    Args:
        cluster: Gives the account and region.
        name: The repository's name.
        with_images: Whether it may go at all: its images go with it.
        made_now: Whether ECR made it, untagged, by a pull-through cache rule that this run has made itself.
    """

    step = "repository"

    def __init__(self, cluster: EksCluster, name: str, *, with_images: bool, made_now: bool = False) -> None:
        super().__init__(name)
        self._cluster = cluster
        self._repository = Repository(cluster, RepositorySpec(repository_name=name))
        self._with_images = with_images
        self._made_now = made_now

    def observe(self) -> dict[str, Any] | None:
        """What DescribeRepositories answers, with its tags."""
        return self._repository.observe()

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Whether it carries our tag, or could not be given one."""
        return self._made_now or has_aws_mark(observed)

    def reason_to_keep(self, observed: Mapping[str, Any], after: Sequence[Outcome]) -> str:
        """Images are kept unless they were asked for, and always while a job definition names them."""
        if not self._with_images:
            return "images are kept unless `delete_images` is chosen"
        registry = PrivateRegistry(self._cluster).host
        gone = names_removed(after, "job definition")
        users = [
            revision_name(definition)
            for definition in active_definitions(self._cluster)
            if not (definition["jobDefinitionName"] in gone and has_aws_mark(definition))
            and any(image.repository == self.name for image in private_images(definition, registry))
        ]
        return f"job definition {', '.join(users)} names an image of it" if users else ""

    def advance(self, observed: Mapping[str, Any]) -> None:
        """Delete it and all its images."""
        self._cluster.ecr.delete_repository(repositoryName=self.name, force=True)

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """Its URI."""
        return self._repository.identifier(observed)

    def console_url(self) -> str:
        """Its page in the ECR console."""
        return repository_url(self._cluster, self.name)

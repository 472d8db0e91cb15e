"""What ECR removes from a mirror's repository by itself, never an image that a job definition still names."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from blocks.aws_errors import error_code
from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from registry.reference import Reference
from specs.lifecycle_policy import LifecyclePolicySpec
from tasks.active_definition import active_definitions, private_images, revision_name
from tasks.console import repository_url
from tasks.outcome import Action, Change, Outcome
from tasks.ownership import OWNER, OWNER_TAG
from tasks.private_registry import PrivateRegistry
from tasks.reconcile import Resource, reconcile
from tasks.step import step


class LifecyclePolicy(Resource):
    """A repository's policy. It has no tags of its own: it is ours where the repository is."""

    step = "lifecycle policy"

    def __init__(self, cluster: EksCluster, repository: str, spec: LifecyclePolicySpec, *, adopt: bool) -> None:
        super().__init__(repository)
        self._cluster = cluster
        self._spec = spec
        self._adopt = adopt

    def observe(self) -> dict[str, Any] | None:
        """What GetLifecyclePolicy answers, parsed; None too where the repository does not exist yet."""
        try:
            answer = self._cluster.ecr.get_lifecycle_policy(repositoryName=self.name)
        except ClientError as error:
            if error_code(error) in ("LifecyclePolicyNotFoundException", "RepositoryNotFoundException"):
                return None
            raise
        return _comparable(json.loads(answer["lifecyclePolicyText"]))

    def wanted(self, *, marked: bool) -> dict[str, Any]:
        """The policy, without regard to the order of keys and blanks in its text."""
        del marked  # it has no tags
        return _comparable(self._spec.to_document())

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Whether the repository carries our tag."""
        del observed
        return self._repository_is_ours()

    def create(self) -> None:
        """Put it.

        Raises:
            OperationError: If the repository is not ours, or images would go that job definitions name.
        """
        self._refuse_foreign_repository()
        self._put()

    def update(self, observed: Mapping[str, Any], changes: list[Change]) -> Action:
        """Put it over the one that is there.

        Raises:
            OperationError: If images would go that job definitions name.
        """
        self._put()
        return "updated"

    def rehearse(self, observed: Mapping[str, Any] | None, changes: list[Change]) -> Action:
        """Say what create or update would refuse."""
        if observed is None:
            self._refuse_foreign_repository()
        return super().rehearse(observed, changes)

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """The repository's name."""
        return self.name

    def console_url(self) -> str:
        """The repository's page."""
        return repository_url(self._cluster, self.name)

    def _put(self) -> None:
        text = json.dumps(self._spec.to_document())
        self._cluster.ecr.put_lifecycle_policy(repositoryName=self.name, lifecyclePolicyText=text)

    def _refuse_foreign_repository(self) -> None:
        if self._adopt or self._repository_is_ours():
            return
        raise OperationError(
            f"lifecycle policy of repository {self.name}",
            "the repository was not made by these flows, and has no lifecycle policy",
            "a policy would begin to remove images that somebody else may have pushed there",
            "leave the lifecycle policy out, choose another repository, or run again with `adopt`",
        )

    def _repository_is_ours(self) -> bool:
        ecr = self._cluster.ecr
        try:
            found = ecr.describe_repositories(repositoryNames=[self.name])["repositories"][0]
        except ClientError as error:
            if error_code(error) == "RepositoryNotFoundException":
                return True  # a plan: it would be created, and then be ours
            raise
        tags = ecr.list_tags_for_resource(resourceArn=found["repositoryArn"]).get("tags", [])
        return {"Key": OWNER_TAG, "Value": OWNER} in tags


@step("lifecycle policy of {repository}")
def ensure_lifecycle_policy(
    cluster: EksCluster, repository: str, spec: LifecyclePolicySpec, *, plan: bool = False, adopt: bool = False
) -> Outcome:
    """Give a repository its lifecycle policy, compared as parsed JSON. Network: ECR and Batch.

    Every run checks it against all ACTIVE job definitions: a digest that one of them names must not fall to any rule,
    neither now nor when it has aged.

    Args:
        cluster: Gives the ECR and Batch clients.
        repository: Name of the repository.
        spec: The policy.
        plan: Report only.
        adopt: Take over a repository that is not ours.

    Raises:
        OperationError: If the policy would remove an image that a job definition names, or AWS refuses.
    """
    _refuse_named(cluster, repository, spec)
    return reconcile(LifecyclePolicy(cluster, repository, spec, adopt=adopt), plan=plan, adopt=adopt)


def _refuse_named(cluster: EksCluster, repository: str, spec: LifecyclePolicySpec) -> None:
    registry = PrivateRegistry(cluster).host
    named = [
        (revision_name(definition), image)
        for definition in active_definitions(cluster)
        for image in private_images(definition, registry)
        if image.repository == repository
    ]
    tags = _tags_by_digest(cluster, repository) if named else {}
    faults = []
    for revision, image in named:
        digest = _digest_of(image, tags)
        rule = spec.rule_for(tags[digest]) if digest in tags else None
        if rule:
            faults.append(f"rule {rule.rule_priority} selects {digest}, which {revision} names")
    if faults:
        raise OperationError(
            f"lifecycle policy of repository {repository}",
            "; ".join(dict.fromkeys(faults)),
            "ECR would remove or archive these images sooner or later; jobs of those definitions then hang in STARTING",
            "narrow the rule so that it does not fit the tags of these images (mirror_images gives each digest a tag "
            "`<tag>-<digest12>`), or deregister the revisions that are no longer needed",
        )


def _tags_by_digest(cluster: EksCluster, repository: str) -> dict[str, list[str]]:
    pages = cluster.ecr.get_paginator("describe_images").paginate(repositoryName=repository)
    try:
        return {image["imageDigest"]: image.get("imageTags", []) for page in pages for image in page["imageDetails"]}
    except ClientError as error:
        if error_code(error) == "RepositoryNotFoundException":
            return {}
        raise


def _digest_of(image: Reference, tags: Mapping[str, list[str]]) -> str:
    return image.digest or next((digest for digest, names in tags.items() if image.tag in names), "")


def _comparable(document: Mapping[str, Any]) -> dict[str, Any]:
    """Each rule as one text: a field more or less is a difference, unlike where AWS fills in defaults."""
    rules = sorted(document["rules"], key=lambda rule: rule["rulePriority"])
    return {"rules": [json.dumps(rule, sort_keys=True) for rule in rules]}

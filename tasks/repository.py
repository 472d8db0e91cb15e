"""Step 8: the private ECR repository that the image lives in."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from blocks.aws_errors import error_code, error_text
from blocks.eks_cluster import EksCluster
from blocks.operation_error import OperationError
from specs.repository import RepositorySpec
from tasks.console import repository_url
from tasks.outcome import Action, Change, Outcome, differences
from tasks.ownership import OWNER, OWNER_TAG, has_aws_mark
from tasks.reconcile import Resource, reconcile
from tasks.step import step


class Repository(Resource):
    """A private repository; ECR writes tags as a list of pairs, compared here as a map."""

    step = "repository"

    def __init__(self, cluster: EksCluster, spec: RepositorySpec) -> None:
        super().__init__(spec.repository_name)
        self._cluster = cluster
        self._document = _tags_as_map(spec.to_document())

    def observe(self) -> dict[str, Any] | None:
        """What DescribeRepositories answers, with its tags, and its key as it was asked for."""
        ecr = self._cluster.ecr
        try:
            found = ecr.describe_repositories(repositoryNames=[self.name])["repositories"][0]
        except ClientError as error:
            if error_code(error) == "RepositoryNotFoundException":
                return None
            raise
        tags = ecr.list_tags_for_resource(resourceArn=found["repositoryArn"]).get("tags", [])
        return self._with_key_as_written(_tags_as_map({**found, "tags": tags}))

    def wanted(self, *, marked: bool) -> dict[str, Any]:
        """The CreateRepository document.

        Marked without a hash: flows that ask more or less of the same repository would each write their own.
        """
        tags = self._document["tags"] | ({OWNER_TAG: OWNER} if marked else {})
        return {**self._document, "tags": tags}

    def is_ours(self, observed: Mapping[str, Any]) -> bool:
        """Whether it carries our tag."""
        return has_aws_mark(observed)

    def create(self) -> None:
        """Create it."""
        try:
            self._cluster.ecr.create_repository(**_tags_as_list(self.wanted(marked=True)))
        except ClientError as error:
            if error_code(error) != "RepositoryAlreadyExistsException":
                raise
            raise OperationError(
                f"repository {self.name}",
                error_text(error),
                "somebody else made it at the same moment",
                "wait: the step reads it anew",
                can_heal=True,
            ) from error

    def rehearse(self, observed: Mapping[str, Any] | None, changes: list[Change]) -> Action:
        """Refuse what an update would refuse."""
        if observed is not None:
            self._refuse_other_encryption(observed)
        return super().rehearse(observed, changes)

    def update(self, observed: Mapping[str, Any], changes: list[Change]) -> Action:
        """Update tags, scanning and tag mutability; its encryption is fixed at creation.

        Raises:
            OperationError: If the encryption differs.
        """
        self._refuse_other_encryption(observed)
        ecr, fields = self._cluster.ecr, {change.field.split(".")[0] for change in changes}
        wanted = self.wanted(marked=True)
        if "tags" in fields:
            ecr.tag_resource(resourceArn=observed["repositoryArn"], tags=_tags_as_list(wanted)["tags"])
        if "imageScanningConfiguration" in fields:
            scanning = wanted["imageScanningConfiguration"]
            ecr.put_image_scanning_configuration(repositoryName=self.name, imageScanningConfiguration=scanning)
        mutability = {key: value for key, value in wanted.items() if key.startswith("imageTagMutability")}
        if fields & mutability.keys():
            ecr.put_image_tag_mutability(repositoryName=self.name, **mutability)
        return "updated"

    def identifier(self, observed: Mapping[str, Any]) -> str:
        """Its URI, which images are named by."""
        return str(observed["repositoryUri"])

    def console_url(self) -> str:
        """Its page in the ECR console."""
        return repository_url(self._cluster, self.name)

    def _with_key_as_written(self, observed: dict[str, Any]) -> dict[str, Any]:
        """ECR shows a key's ARN, whichever way it was given; which key an alias means only KMS could say."""
        wanted = self._document.get("encryptionConfiguration", {}).get("kmsKey", "")
        encryption = observed.get("encryptionConfiguration", {})
        found = encryption.get("kmsKey", "")
        is_alias = wanted.startswith("alias/") or ":alias/" in wanted
        if found and (is_alias or found.endswith(f":key/{wanted}")):
            return {**observed, "encryptionConfiguration": {**encryption, "kmsKey": wanted}}
        return observed

    def _refuse_other_encryption(self, observed: Mapping[str, Any]) -> None:
        field = "encryptionConfiguration"
        changes = differences(self._document.get(field, {}), observed.get(field), field)
        if changes:
            raise OperationError(
                f"repository {self.name}",
                "it exists with another encryption: " + "; ".join(map(str, changes)),
                "ECR fixes a repository's encryption at creation",
                "give the new repository another name, or leave its encryption out",
            )


@step("repository {spec.repository_name}")
def ensure_repository(cluster: EksCluster, spec: RepositorySpec, *, plan: bool = False, adopt: bool = False) -> Outcome:
    """Create the repository, or bring its settings in line.

    Args:
        cluster: Gives the account and region.
        spec: The repository.
        plan: Report only.
        adopt: Take over one that exists already and differs.

    Raises:
        OperationError: If AWS refuses, or one that is not ours differs.
    """
    return reconcile(Repository(cluster, spec), plan=plan, adopt=adopt)


def _tags_as_map(document: Mapping[str, Any]) -> dict[str, Any]:
    pairs = document.get("tags") or []
    return {**document, "tags": {pair["Key"]: pair.get("Value", "") for pair in pairs}}


def _tags_as_list(document: Mapping[str, Any]) -> dict[str, Any]:
    return {**document, "tags": [{"Key": key, "Value": value} for key, value in document["tags"].items()]}

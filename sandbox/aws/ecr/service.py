"""Amazon ECR's API over the store that the private registry serves.

Repositories live twice: their contents in the registry's store, their settings (tags, policies, scanning,
lifecycle) in moto, whose operations on those stay in use. What moto gets wrong is answered here: digests,
images, layers, the authorization token, repository URIs; what it lacks too: account settings, creation
templates, pull-through cache rules.
"""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ecr.models import ECRBackend, ecr_backends

from sandbox.aws.authorization.enforcement import Denied
from sandbox.aws.authorization.policy import AuthorizationRequest
from sandbox.aws.authorization.registry_requests import requests_of_import, requests_of_registry
from sandbox.aws.authorization.resources import Place
from sandbox.aws.ecr.images import Images
from sandbox.aws.ecr.pages import page
from sandbox.aws.ecr.pull_through_cache_rules import PullThroughCacheRules
from sandbox.aws.ecr.templates import Templates
from sandbox.aws.errors import AwsError
from sandbox.aws.operations import Caller
from sandbox.aws.server import AwsServer
from sandbox.registries.registry import PrivateRegistry
from sandbox.registries.repositories import Repository, TagMutability

Parameters = Mapping[str, Any]
# botocore, PutAccountSetting: names and their values; the first is the default.
SETTINGS: Mapping[str, Sequence[str]] = {
    "BASIC_SCAN_TYPE_VERSION": ("AWS_NATIVE",),
    "REGISTRY_POLICY_SCOPE": ("V2",),
    "BLOB_MOUNTING": ("DISABLED", "ENABLED"),
}


class Ecr:
    """The account's ECR in the private registry's region; other regions and accounts are refused."""

    def __init__(self, private: PrivateRegistry) -> None:
        self._private = private
        self._settings: dict[str, str] = {}
        self.templates = Templates(private.account_id, private.repositories.clock)
        self.rules = PullThroughCacheRules(private)
        private.create_on_push = self._create_on_push
        private.pull_through.create = self._create_on_pull

    def reset(self) -> None:
        """Back to an account without repositories, templates, rules and changed settings."""
        self._settings.clear()
        self.templates.clear()
        self.rules.clear()
        self._private.reset()

    def backend(self, caller: Caller) -> ECRBackend:
        """Moto's settings of the registry.

        Raises:
            AwsError: Another region or account is called: only one registry is served here.
        """
        if (caller.account, caller.region) != (self._private.account_id, self._private.region):
            raise AwsError(
                "InvalidParameterException",
                f"the sandbox has the registry of {self._private.account_id} in {self._private.region} only, "
                f"not of {caller.account} in {caller.region}",
            )
        return ecr_backends[caller.account][caller.region]

    def get_authorization_token(self, _: Parameters, caller: Caller) -> dict[str, Any]:
        """A password for the user AWS, valid for 12 hours (botocore AuthorizationData)."""
        self.backend(caller)
        password, expires = self._private.tokens.issue(caller.arn)
        data = {
            "authorizationToken": base64.b64encode(f"AWS:{password}".encode()).decode(),
            "expiresAt": expires,
            "proxyEndpoint": f"http://{self._private.address}",
        }
        return {"authorizationData": [data]}

    def create_repository(self, parameters: Parameters, caller: Caller) -> dict[str, Any]:
        """Make an empty repository."""
        backend = self.backend(caller)
        try:
            made = backend.create_repository(
                repository_name=parameters["repositoryName"],
                registry_id=parameters.get("registryId"),
                encryption_config=parameters.get("encryptionConfiguration"),
                image_scan_config=parameters.get("imageScanningConfiguration"),
                image_tag_mutability=parameters.get("imageTagMutability"),
                tags=parameters.get("tags", []),
                image_tag_mutability_exclusion_filters=parameters.get("imageTagMutabilityExclusionFilters"),
            )
        except ServiceException as error:
            raise AwsError(error.code, error.message) from None
        self._private.repositories.create(made.name, _mutability(made))
        return {"repository": self._described(made)}

    def describe_repositories(self, parameters: Parameters, caller: Caller) -> dict[str, Any]:
        """Repositories by name, or all of them by pages of up to 1000."""
        backend = self.backend(caller)
        try:
            found = backend.describe_repositories(parameters.get("registryId"), parameters.get("repositoryNames"))
        except ServiceException as error:
            raise AwsError(error.code, error.message) from None
        described = [self._described(repository) for repository in found]
        return page("repositories", described, parameters)

    def delete_repository(self, parameters: Parameters, caller: Caller) -> dict[str, Any]:
        """Drop a repository; one with images only by force."""
        backend = self.backend(caller)
        name = parameters["repositoryName"]
        held = self._private.repositories.find(name)
        if held is not None and held.manifests and not parameters.get("force"):
            raise AwsError(
                "RepositoryNotEmptyException",
                f"The repository with name '{name}' in registry with id '{self._private.account_id}' "
                "cannot be deleted because it still contains images",
            )
        try:
            dropped = backend.delete_repository(name, parameters.get("registryId"), force=True)
        except ServiceException as error:
            raise AwsError(error.code, error.message) from None
        self._private.repositories.delete(name)
        return {"repository": self._described(dropped)}

    def put_image_tag_mutability(self, parameters: Parameters, caller: Caller) -> dict[str, Any]:
        """Change whether tags may move."""
        backend = self.backend(caller)
        name, mode = parameters["repositoryName"], parameters["imageTagMutability"]
        exclusions = parameters.get("imageTagMutabilityExclusionFilters")
        try:
            backend.validate_image_tag_mutability_params_compatibility(mode, exclusions)
            backend.put_image_tag_mutability(parameters.get("registryId"), name, mode, exclusions)
        except ServiceException as error:
            raise AwsError(error.code, error.message) from None
        changed = backend.repositories[name]
        self.repository(name).mutability = _mutability(changed)
        described = self._described(changed)
        kept = ("registryId", "repositoryName", "imageTagMutability", "imageTagMutabilityExclusionFilters")
        return {key: described[key] for key in kept if key in described}

    def get_account_setting(self, parameters: Parameters, caller: Caller) -> dict[str, Any]:
        """A setting's value (botocore GetAccountSetting)."""
        self.backend(caller)
        name = _setting(parameters)
        return {"name": name, "value": self._settings.get(name, SETTINGS[name][0])}

    def put_account_setting(self, parameters: Parameters, caller: Caller) -> dict[str, Any]:
        """Change a setting; BLOB_MOUNTING takes effect in the registry."""
        self.backend(caller)
        name, value = _setting(parameters), parameters["value"]
        if value not in SETTINGS[name]:
            raise AwsError("InvalidParameterException", f"Invalid value '{value}' for account setting '{name}'")
        self._settings[name] = value
        self._private.blob_mounting = self._settings.get("BLOB_MOUNTING") == "ENABLED"
        return {"name": name, "value": value}

    def repository(self, name: str) -> Repository:
        """What a repository holds.

        Raises:
            AwsError: It does not exist.
        """
        found = self._private.repositories.find(name)
        if found is None:
            raise AwsError(
                "RepositoryNotFoundException",
                f"The repository with name '{name}' does not exist "
                f"in the registry with id '{self._private.account_id}'",
            )
        return found

    def _create_on_push(self, name: str) -> Repository | None:
        """Make a repository for a push where a template with CREATE_ON_PUSH says so."""
        template = self.templates.matching(name, "CREATE_ON_PUSH")
        return None if template is None else self._create_by(template, name)

    def _create_on_pull(self, name: str) -> Repository:
        """Make a repository for the pull-through cache, with ECR's defaults where no template says otherwise."""
        return self._create_by(self.templates.matching(name, "PULL_THROUGH_CACHE") or {}, name)

    def _create_by(self, template: Mapping[str, Any], name: str) -> Repository:
        caller = Caller(self._private.account_id, self._private.region, "")
        wanted = {
            "repositoryName": name,
            "tags": template.get("resourceTags", []),
            **{key: template[key] for key in self.templates.INHERITED if key in template},
        }
        self.create_repository(wanted, caller)
        backend = self.backend(caller)
        if template.get("lifecyclePolicy"):
            backend.put_lifecycle_policy(None, name, template["lifecyclePolicy"])
        if template.get("repositoryPolicy"):
            backend.set_repository_policy(None, name, template["repositoryPolicy"])
        return self.repository(name)

    def _described(self, repository: Any) -> dict[str, Any]:
        """Botocore's Repository; the URI names the registry that really answers."""
        described = {
            "repositoryArn": repository.arn,
            "registryId": repository.registry_id,
            "repositoryName": repository.name,
            "repositoryUri": f"{self._private.address}/{repository.name}",
            "createdAt": repository.created_at.timestamp(),
            "imageTagMutability": _mutability(repository).mode,
            "imageScanningConfiguration": repository.image_scanning_configuration,
            "encryptionConfiguration": repository.encryption_configuration,
        }
        if repository.image_tag_mutability_exclusion_filters:
            described["imageTagMutabilityExclusionFilters"] = repository.image_tag_mutability_exclusion_filters
        return described


def _mutability(repository: Any) -> TagMutability:
    filters = repository.image_tag_mutability_exclusion_filters or []
    mode = repository.image_tag_mutability
    return TagMutability(str(getattr(mode, "value", mode)), tuple(one["filter"] for one in filters))


def _setting(parameters: Parameters) -> str:
    name = str(parameters["name"])
    if name not in SETTINGS:
        raise AwsError("InvalidParameterException", f"Invalid account setting name '{name}'")
    return name


def _denials(
    server: AwsServer, private: PrivateRegistry
) -> tuple[Callable[[str, str, str, str], str], Callable[[str, str], str]]:
    """How the registry asks whether somebody's policies allow a request, and an import."""
    place = Place(private.account_id, private.region)

    def denial(owner: str, requests: Iterable[AuthorizationRequest]) -> str:
        try:
            server.enforcement.require(requests, owner)
        except Denied as denied:
            return str(denied)
        return ""

    def of_request(owner: str, method: str, path: str, query: str) -> str:
        return denial(owner, requests_of_registry(method, path, query, place))

    def of_import(owner: str, repository: str) -> str:
        is_new = private.repositories.find(repository) is None
        return denial(owner, requests_of_import(repository, place, is_new=is_new))

    return of_request, of_import


def install(server: AwsServer, private: PrivateRegistry) -> Ecr:
    """Answer ECR's operations on an AWS server, over a private registry's store."""
    ecr = Ecr(private)
    private.pull_through.freshness = lambda: server.settings.pull_through_freshness
    private.pull_through.import_delay = lambda: server.settings.pull_through_import_delay
    private.denial, private.import_denial = _denials(server, private)
    images = Images(private, ecr.repository)
    own: Mapping[str, Callable[[dict[str, Any], Caller], Mapping[str, Any]]] = {
        "GetAuthorizationToken": ecr.get_authorization_token,
        "CreateRepository": ecr.create_repository,
        "DescribeRepositories": ecr.describe_repositories,
        "DeleteRepository": ecr.delete_repository,
        "PutImageTagMutability": ecr.put_image_tag_mutability,
        "GetAccountSetting": ecr.get_account_setting,
        "PutAccountSetting": ecr.put_account_setting,
        "CreateRepositoryCreationTemplate": ecr.templates.create,
        "DescribeRepositoryCreationTemplates": ecr.templates.describe,
        "DeleteRepositoryCreationTemplate": ecr.templates.delete,
        "CreatePullThroughCacheRule": ecr.rules.create,
        "DescribePullThroughCacheRules": ecr.rules.describe,
        "UpdatePullThroughCacheRule": ecr.rules.update,
        "DeletePullThroughCacheRule": ecr.rules.delete,
        "ValidatePullThroughCacheRule": ecr.rules.validate,
        "DescribeImages": images.describe,
        "ListImages": images.list,
        "PutImage": images.put,
        "BatchGetImage": images.batch_get,
        "BatchDeleteImage": images.batch_delete,
        "BatchCheckLayerAvailability": images.check_layers,
        "GetDownloadUrlForLayer": images.download_url,
        "InitiateLayerUpload": images.initiate_upload,
        "UploadLayerPart": images.upload_part,
        "CompleteLayerUpload": images.complete_upload,
    }
    for operation, handler in own.items():
        server.implement("ecr", operation, handler)
    server.after_reset(ecr.reset)
    return ecr

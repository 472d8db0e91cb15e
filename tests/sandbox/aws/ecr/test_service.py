"""Repositories, settings and tokens."""

import inspect
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import moto.ecr.models

from sandbox.aws.server import AwsServer
from sandbox.registries.registry import PrivateRegistry

from .conftest import ACCOUNT, MANIFEST_TYPE, ecr_client, manifest, push, push_blob, refused


def test_moto_still_has_what_is_relied_on() -> None:
    """Canary: these names are private to moto."""
    backend = moto.ecr.models.ECRBackend
    assert list(inspect.signature(backend.create_repository).parameters)[1:] == [
        "repository_name",
        "registry_id",
        "encryption_config",
        "image_scan_config",
        "image_tag_mutability",
        "tags",
        "image_tag_mutability_exclusion_filters",
    ]
    assert list(inspect.signature(backend.delete_repository).parameters)[1:] == [
        "repository_name",
        "registry_id",
        "force",
    ]
    assert list(inspect.signature(backend.describe_repositories).parameters)[1:] == [
        "registry_id",
        "repository_names",
    ]
    for name in (
        "validate_image_tag_mutability_params_compatibility",
        "put_image_tag_mutability",
        "put_lifecycle_policy",
        "set_repository_policy",
    ):
        assert callable(getattr(backend, name))
    repository = moto.ecr.models.ecr_backends[ACCOUNT]["us-east-1"].create_repository(
        "canary", None, {}, None, "", [], None
    )
    for name in (
        "arn",
        "name",
        "registry_id",
        "created_at",
        "image_tag_mutability",
        "image_tag_mutability_exclusion_filters",
        "image_scanning_configuration",
        "encryption_configuration",
    ):
        assert hasattr(repository, name)
    moto.ecr.models.ecr_backends[ACCOUNT]["us-east-1"].delete_repository("canary")


def test_a_token_expires_in_twelve_hours_and_opens_the_registry(api: Any, http: httpx.Client) -> None:
    data = api.get_authorization_token()["authorizationData"][0]
    left = data["expiresAt"] - datetime.now(UTC)
    assert timedelta(hours=11, minutes=59) < left <= timedelta(hours=12)
    assert http.get("/v2/").status_code == 200


def test_a_repository_is_made_listed_and_dropped(api: Any, private: PrivateRegistry, http: httpx.Client) -> None:
    made = api.create_repository(
        repositoryName="team/app",
        tags=[{"Key": "a", "Value": "b"}],
        imageScanningConfiguration={"scanOnPush": True},
    )["repository"]
    assert made["repositoryUri"] == f"{private.address}/team/app"
    assert made["repositoryArn"] == f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"
    assert made["encryptionConfiguration"] == {"encryptionType": "AES256"}
    assert (made["imageTagMutability"], made["imageScanningConfiguration"]) == ("MUTABLE", {"scanOnPush": True})
    assert api.describe_repositories(repositoryNames=["team/app"])["repositories"] == [made]
    assert api.list_tags_for_resource(resourceArn=made["repositoryArn"])["tags"] == [{"Key": "a", "Value": "b"}]
    assert http.get("/v2/team/app/tags/list").json()["tags"] == []
    assert refused(api.create_repository, repositoryName="team/app") == (
        "RepositoryAlreadyExistsException",
        f"The repository with name 'team/app' already exists in the registry with id '{ACCOUNT}'",
    )
    push(http, "team/app", "v1", manifest(http, "team/app", b"one"))
    assert refused(api.delete_repository, repositoryName="team/app")[0] == "RepositoryNotEmptyException"
    api.delete_repository(repositoryName="team/app", force=True)
    assert http.get("/v2/team/app/tags/list").status_code == 404
    assert refused(api.describe_repositories, repositoryNames=["team/app"])[0] == "RepositoryNotFoundException"
    assert refused(api.delete_repository, repositoryName="team/app")[0] == "RepositoryNotFoundException"
    assert refused(api.create_repository, repositoryName="Team")[0] == "InvalidParameterException"


def test_repositories_come_in_pages(api: Any) -> None:
    for number in range(5):
        api.create_repository(repositoryName=f"team/app{number}")
    pages = list(api.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(one["repositories"]) for one in pages] == [2, 2, 1]
    assert refused(api.describe_repositories, nextToken="?")[0] == "InvalidParameterException"


def test_tag_mutability_can_be_changed_with_exclusions(api: Any, http: httpx.Client) -> None:
    api.create_repository(repositoryName="team/app")
    push(http, "team/app", "v1", manifest(http, "team/app", b"one"))
    push(http, "team/app", "dev-1", manifest(http, "team/app", b"one"))
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    changed = api.put_image_tag_mutability(
        repositoryName="team/app",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters,
    )
    assert changed["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    described = api.describe_repositories()["repositories"][0]
    assert described["imageTagMutabilityExclusionFilters"] == filters
    two = manifest(http, "team/app", b"two")
    push(http, "team/app", "dev-1", two)
    headers = {"Content-Type": MANIFEST_TYPE}
    assert http.put("/v2/team/app/manifests/v1", content=two, headers=headers).status_code == 400
    alone = {"repositoryName": "team/app", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"}
    assert refused(api.put_image_tag_mutability, **alone)[0] == "InvalidParameterException"
    unknown = {"repositoryName": "no/such", "imageTagMutability": "IMMUTABLE"}
    assert refused(api.put_image_tag_mutability, **unknown)[0] == "RepositoryNotFoundException"


def test_blob_mounting_is_an_account_setting(api: Any, http: httpx.Client) -> None:
    for name in ("a/app", "b/app"):
        api.create_repository(repositoryName=name)
    query = {"mount": push_blob(http, "a/app", b"shared")["digest"], "from": "a/app"}
    assert api.get_account_setting(name="BLOB_MOUNTING")["value"] == "DISABLED"
    assert http.post("/v2/b/app/blobs/uploads/", params=query).status_code == 202
    api.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    assert api.get_account_setting(name="BLOB_MOUNTING") | {"ResponseMetadata": {}} == {
        "name": "BLOB_MOUNTING",
        "value": "ENABLED",
        "ResponseMetadata": {},
    }
    assert http.post("/v2/b/app/blobs/uploads/", params=query).status_code == 201
    assert refused(api.put_account_setting, name="BLOB_MOUNTING", value="1")[0] == "InvalidParameterException"
    assert refused(api.get_account_setting, name="NO_SUCH")[0] == "InvalidParameterException"


def test_another_region_has_no_registry_here(private: PrivateRegistry, aws: AwsServer) -> None:
    elsewhere = ecr_client(aws, "eu-west-1")
    assert refused(elsewhere.get_authorization_token)[0] == "InvalidParameterException"


def test_a_reset_empties_registry_and_settings(
    aws: AwsServer, private: PrivateRegistry, api: Any, http: httpx.Client
) -> None:
    api.create_repository(repositoryName="team/app")
    api.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    api.create_repository_creation_template(prefix="ROOT", appliedFor=["CREATE_ON_PUSH"])
    aws.reset()
    assert api.describe_repositories()["repositories"] == []
    assert api.get_account_setting(name="BLOB_MOUNTING")["value"] == "DISABLED"
    assert http.post("/v2/team/app/blobs/uploads/").status_code == 404

"""ECR's API and the private registry: one store, seen from two sides."""

import base64
import hashlib
import inspect
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import httpx
import moto.ecr.models
import pytest
from botocore.exceptions import ClientError

from sandbox.aws import ecr
from sandbox.aws.server import AwsServer
from sandbox.registries.registry import PrivateRegistry

ACCOUNT = "123456789012"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"


@pytest.fixture(scope="session")
def private(aws: AwsServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateRegistry]:
    registry = PrivateRegistry(tmp_path_factory.mktemp("ecr"))
    registry.start()
    ecr.install(aws, registry)
    yield registry
    registry.stop()


@pytest.fixture
def api(private: PrivateRegistry, client: Callable[..., Any]) -> Any:
    return client("ecr")


@pytest.fixture
def http(private: PrivateRegistry, api: Any) -> Iterator[httpx.Client]:
    """A client that is logged in with a token of the API."""
    data = api.get_authorization_token()["authorizationData"][0]
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    with httpx.Client(base_url=data["proxyEndpoint"], auth=(user, password)) as client:
        yield client


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def push_blob(http: httpx.Client, repository: str, content: bytes) -> dict[str, Any]:
    location = http.post(f"/v2/{repository}/blobs/uploads/").headers["Location"]
    assert http.put(location, params={"digest": digest_of(content)}, content=content).status_code == 201
    return {"mediaType": "x/blob", "digest": digest_of(content), "size": len(content)}


def manifest(http: httpx.Client, repository: str, layer: bytes) -> str:
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": push_blob(http, repository, b"{}"),
        "layers": [push_blob(http, repository, layer)],
    }
    return json.dumps(document)


def push(http: httpx.Client, repository: str, tag: str, content: str, media_type: str = MANIFEST_TYPE) -> str:
    """Push a manifest by the registry; gives its digest."""
    answer = http.put(f"/v2/{repository}/manifests/{tag}", content=content, headers={"Content-Type": media_type})
    assert answer.status_code == 201, answer.text
    return answer.headers["Docker-Content-Digest"]


def refused(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


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


def test_an_image_pushed_to_the_registry_is_described_by_its_true_digest(api: Any, http: httpx.Client) -> None:
    api.create_repository(repositoryName="team/app")
    small, large = (manifest(http, "team/app", layer) for layer in (b"one", b"three"))
    first, second = push(http, "team/app", "v1", small), push(http, "team/app", "large", large)
    index = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": INDEX_TYPE,
            "manifests": [{"mediaType": MANIFEST_TYPE, "digest": digest, "size": 1} for digest in (first, second)],
        }
    )
    top = push(http, "team/app", "all", index, INDEX_TYPE)
    details = {one["imageDigest"]: one for one in api.describe_images(repositoryName="team/app")["imageDetails"]}
    assert set(details) == {first, second, top} == {digest_of(one.encode()) for one in (small, large, index)}
    assert [details[one]["imageSizeInBytes"] for one in (first, second, top)] == [3, 5, 5]
    assert details[top]["imageManifestMediaType"] == INDEX_TYPE
    assert details[first]["artifactMediaType"] == "x/blob"
    by_tag = api.describe_images(repositoryName="team/app", imageIds=[{"imageTag": "v1"}])["imageDetails"]
    assert [(one["imageDigest"], one["imageTags"]) for one in by_tag] == [(first, ["v1"])]
    got = api.batch_get_image(repositoryName="team/app", imageIds=[{"imageTag": "all"}, {"imageTag": "nope"}])
    assert [one["imageManifest"] for one in got["images"]] == [index]
    assert got["failures"] == [
        {
            "imageId": {"imageTag": "nope"},
            "failureCode": "ImageNotFound",
            "failureReason": "Requested image not found",
        }
    ]
    assert refused(api.describe_images, repositoryName="team/app", imageIds=[{"imageTag": "v2"}]) == (
        "ImageNotFoundException",
        "The image with imageId {imageDigest:'null', imageTag:'v2'} does not exist within the repository with name "
        f"'team/app' in the registry with id '{ACCOUNT}'",
    )
    assert refused(api.describe_images, repositoryName="no/such")[0] == "RepositoryNotFoundException"


def test_a_moved_tag_leaves_the_old_image_untagged(api: Any, http: httpx.Client) -> None:
    api.create_repository(repositoryName="team/app")
    old = push(http, "team/app", "v1", manifest(http, "team/app", b"one"))
    new = push(http, "team/app", "v1", manifest(http, "team/app", b"two"))
    images = api.list_images(repositoryName="team/app")["imageIds"]
    assert images == [{"imageDigest": old}, {"imageDigest": new, "imageTag": "v1"}]
    for status, digest in (("TAGGED", new), ("UNTAGGED", old)):
        listed = api.list_images(repositoryName="team/app", filter={"tagStatus": status})["imageIds"]
        described = api.describe_images(repositoryName="team/app", filter={"tagStatus": status})["imageDetails"]
        assert [one["imageDigest"] for one in listed] == [one["imageDigest"] for one in described] == [digest]


def test_images_are_deleted_by_tag_and_by_digest(api: Any, http: httpx.Client) -> None:
    api.create_repository(repositoryName="team/app")
    content = manifest(http, "team/app", b"one")
    digest = push(http, "team/app", "a", content)
    push(http, "team/app", "b", content)

    def delete(**identifier: str) -> Any:
        return api.batch_delete_image(repositoryName="team/app", imageIds=[identifier])

    assert delete(imageTag="a")["imageIds"] == [{"imageDigest": digest, "imageTag": "a"}]
    assert http.get(f"/v2/team/app/manifests/{digest}").status_code == 200
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": [{"mediaType": MANIFEST_TYPE, "digest": digest, "size": 1}],
    }
    top = push(http, "team/app", "all", json.dumps(index), INDEX_TYPE)
    failure = delete(imageDigest=digest)["failures"][0]
    assert failure["failureCode"] == "ImageReferencedByManifestList"
    assert delete(imageTag="all")["imageIds"] == [{"imageDigest": top, "imageTag": "all"}]
    assert delete(imageTag="b")["imageIds"] == [{"imageDigest": digest, "imageTag": "b"}]
    assert http.get(f"/v2/team/app/manifests/{digest}").status_code == 404
    assert delete(imageTag="b")["failures"][0]["failureCode"] == "ImageNotFound"
    assert delete(imageTag="b", imageDigest=digest)["failures"][0]["failureCode"] == "ImageNotFound"


def test_an_image_can_be_pushed_by_the_api_alone(api: Any, http: httpx.Client) -> None:
    api.create_repository(repositoryName="team/app")
    entries = []
    for content in (b"{}", b"layer by parts"):
        upload = api.initiate_layer_upload(repositoryName="team/app")["uploadId"]
        for start in range(0, len(content), 8):
            part = content[start : start + 8]
            received = api.upload_layer_part(
                repositoryName="team/app",
                uploadId=upload,
                partFirstByte=start,
                partLastByte=start + len(part) - 1,
                layerPartBlob=part,
            )
        assert received["lastByteReceived"] == len(content) - 1
        done = api.complete_layer_upload(repositoryName="team/app", uploadId=upload, layerDigests=[digest_of(content)])
        entries.append({"mediaType": "x/blob", "digest": done["layerDigest"], "size": len(content)})
    document = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": entries[0], "layers": entries[1:]})
    put = api.put_image(repositoryName="team/app", imageManifest=document, imageTag="v1")["image"]
    assert put["imageId"] == {"imageDigest": digest_of(document.encode()), "imageTag": "v1"}
    assert http.get("/v2/team/app/manifests/v1").text == document
    layer = entries[1]["digest"]
    url = api.get_download_url_for_layer(repositoryName="team/app", layerDigest=layer)["downloadUrl"]
    assert httpx.get(url).content == b"layer by parts"
    missing = digest_of(b"missing")
    checked = api.batch_check_layer_availability(repositoryName="team/app", layerDigests=[layer, missing, "sha256:x"])
    assert [(one["layerAvailability"], one.get("layerSize")) for one in checked["layers"]] == [
        ("AVAILABLE", 14),
        ("UNAVAILABLE", None),
    ]
    assert [one["failureCode"] for one in checked["failures"]] == ["InvalidLayerDigest"]
    no_url = refused(api.get_download_url_for_layer, repositoryName="team/app", layerDigest=missing)
    assert no_url[0] == "LayersNotFoundException"


def test_uploads_by_the_api_are_checked(api: Any) -> None:
    api.create_repository(repositoryName="team/app")
    upload = api.initiate_layer_upload(repositoryName="team/app")["uploadId"]
    part = {"repositoryName": "team/app", "uploadId": upload, "partLastByte": 9, "layerPartBlob": b"x"}
    assert refused(api.upload_layer_part, partFirstByte=5, **part)[0] == "InvalidLayerPartException"
    wrong = {"repositoryName": "team/app", "uploadId": upload, "layerDigests": [digest_of(b"other")]}
    assert refused(api.complete_layer_upload, **wrong)[0] == "InvalidLayerException"
    assert refused(api.complete_layer_upload, **{**wrong, "uploadId": "x"})[0] == "UploadNotFoundException"


def test_put_image_is_refused_by_the_modelled_exceptions(api: Any, http: httpx.Client) -> None:
    api.create_repository(repositoryName="team/app", imageTagMutability="IMMUTABLE")
    content, other = manifest(http, "team/app", b"one"), manifest(http, "team/app", b"two")
    digest = push(http, "team/app", "v1", content)
    again = refused(api.put_image, repositoryName="team/app", imageManifest=content, imageTag="v1")
    assert again == (
        "ImageAlreadyExistsException",
        f"Image with digest '{digest}' and tag 'v1' already exists in the repository with name 'team/app' "
        f"in registry with id '{ACCOUNT}'",
    )
    taken = refused(api.put_image, repositoryName="team/app", imageManifest=other, imageTag="v1")
    assert taken == (
        "ImageTagAlreadyExistsException",
        "The image tag 'v1' already exists in the 'team/app' repository and cannot be overwritten because the "
        "repository is immutable.",
    )

    def code(document: Any, **parameters: str) -> str:
        text = document if isinstance(document, str) else json.dumps(document)
        return refused(api.put_image, repositoryName="team/app", imageManifest=text, **parameters)[0]

    holed = json.loads(content) | {"layers": [{"digest": digest_of(b"missing"), "size": 1, "mediaType": "x"}]}
    assert code(holed) == "LayersNotFoundException"
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": holed["layers"]}
    assert code(index) == "ReferencedImagesNotFoundException"
    assert code("{") == "InvalidParameterException"
    assert code(other, imageDigest=digest) == "ImageDigestDoesNotMatchException"


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


def test_a_template_makes_repositories_on_push(api: Any, http: httpx.Client) -> None:
    lifecycle = json.dumps(
        {
            "rules": [
                {
                    "rulePriority": 1,
                    "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 9},
                    "action": {"type": "expire"},
                }
            ]
        }
    )
    api.create_repository_creation_template(prefix="ROOT", appliedFor=["PULL_THROUGH_CACHE"])
    made = api.create_repository_creation_template(
        prefix="auto",
        appliedFor=["CREATE_ON_PUSH"],
        imageTagMutability="IMMUTABLE",
        resourceTags=[{"Key": "team", "Value": "data"}],
        lifecyclePolicy=lifecycle,
    )["repositoryCreationTemplate"]
    assert made["encryptionConfiguration"] == {"encryptionType": "AES256"}
    assert http.post("/v2/automatic/app/blobs/uploads/").status_code == 404
    push(http, "auto/app", "v1", manifest(http, "auto/app", b"one"))
    repository = api.describe_repositories(repositoryNames=["auto/app"])["repositories"][0]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    tags = api.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
    assert tags == [{"Key": "team", "Value": "data"}]
    assert json.loads(api.get_lifecycle_policy(repositoryName="auto/app")["lifecyclePolicyText"])
    listed = api.describe_repository_creation_templates()["repositoryCreationTemplates"]
    assert [one["prefix"] for one in listed] == ["ROOT", "auto"]
    one = api.describe_repository_creation_templates(prefixes=["auto"])["repositoryCreationTemplates"]
    assert [template["prefix"] for template in one] == ["auto"]
    twice = refused(api.create_repository_creation_template, prefix="auto", appliedFor=["REPLICATION"])
    assert twice[0] == "TemplateAlreadyExistsException"
    api.delete_repository_creation_template(prefix="auto")
    assert refused(api.delete_repository_creation_template, prefix="auto")[0] == "TemplateNotFoundException"
    assert http.post("/v2/auto/other/blobs/uploads/").status_code == 404


def test_the_longest_prefix_wins_and_root_is_last(api: Any, http: httpx.Client) -> None:
    for prefix, mutability in (("ROOT", "MUTABLE"), ("a", "IMMUTABLE"), ("a/b", "MUTABLE")):
        api.create_repository_creation_template(
            prefix=prefix, appliedFor=["CREATE_ON_PUSH"], imageTagMutability=mutability
        )
    for name, mutability in (("x/y", "MUTABLE"), ("a/x", "IMMUTABLE"), ("a/b/c", "MUTABLE")):
        assert http.post(f"/v2/{name}/blobs/uploads/").status_code == 202
        repository = api.describe_repositories(repositoryNames=[name])["repositories"][0]
        assert repository["imageTagMutability"] == mutability


def test_another_region_has_no_registry_here(private: PrivateRegistry, aws: AwsServer) -> None:
    elsewhere = boto3.client(
        "ecr",
        endpoint_url=aws.url,
        region_name="eu-west-1",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="x",
    )
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

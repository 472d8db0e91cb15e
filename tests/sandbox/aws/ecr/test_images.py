"""Images and layers, by the API and by the registry."""

import json
from typing import Any

import httpx

from .conftest import ACCOUNT, INDEX_TYPE, MANIFEST_TYPE, digest_of, manifest, push, refused


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

"""Images and layers in ECR's API: the same that the registry serves, under their true digests."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.aws.ecr.pages import page
from sandbox.aws.errors import AwsError
from sandbox.aws.operations import Caller
from sandbox.registries import manifests
from sandbox.registries.blobs import Upload
from sandbox.registries.manifests import DIGEST, Manifest
from sandbox.registries.refusal import RefusalError
from sandbox.registries.registry import PrivateRegistry
from sandbox.registries.repositories import Repository

Parameters = Mapping[str, Any]
Answer = dict[str, Any]
PART_SIZE = 10 * 1024 * 1024
# The registry's refusals, by the exceptions that PutImage models (botocore).
EXCEPTIONS = {
    "MANIFEST_BLOB_UNKNOWN": "ReferencedImagesNotFoundException",
    "BLOB_UPLOAD_UNKNOWN": "LayersNotFoundException",
    "TAG_INVALID": "ImageTagAlreadyExistsException",
}


class Images:
    """Operations on images and layers."""

    def __init__(self, private: PrivateRegistry, repository: Callable[[str], Repository]) -> None:
        self._private = private
        self._repository = repository

    def describe(self, parameters: Parameters, _: Caller) -> Answer:
        """DescribeImages: some images, or all of them."""
        repository = self._of(parameters)
        with self._private.repositories.lock:
            wanted = parameters.get("imageIds")
            if wanted:
                found = [self._wanted(repository, image) for image in wanted]
            else:
                found = list(repository.manifests.values())
            distinct = {manifest.digest: manifest for manifest in found}
            details = [self._detail(repository, manifest) for manifest in distinct.values()]
        return page("imageDetails", _by_tag_status(details, "imageTags", parameters), parameters)

    def list(self, parameters: Parameters, _: Caller) -> Answer:
        """ListImages: one entry a tag, and one for each untagged image."""
        repository = self._of(parameters)
        with self._private.repositories.lock:
            entries = [identifier for digest in repository.manifests for identifier in _identifiers(repository, digest)]
        return page("imageIds", _by_tag_status(entries, "imageTag", parameters), parameters)

    def put(self, parameters: Parameters, _: Caller) -> Answer:
        """PutImage: store a manifest whose layers are there."""
        repository = self._of(parameters)
        content, tag = parameters["imageManifest"].encode(), parameters.get("imageTag")
        try:
            manifest = manifests.parse(
                content, parameters.get("imageManifestMediaType"), self._private.repositories.clock()
            )
        except RefusalError as refusal:
            constraint = f"Invalid parameter at 'ImageManifest' failed to satisfy constraint: '{refusal}'"
            raise AwsError("InvalidParameterException", constraint) from None
        if parameters.get("imageDigest", manifest.digest) != manifest.digest:
            raise AwsError(
                "ImageDigestDoesNotMatchException",
                f"The digest '{parameters['imageDigest']}' does not match the manifest's '{manifest.digest}'",
            )
        with self._private.repositories.lock:
            there = manifest.digest in repository.manifests
            if there and (tag is None or repository.tags.get(tag) == manifest.digest):
                raise AwsError(
                    "ImageAlreadyExistsException",
                    f"Image with digest '{manifest.digest}' and tag '{tag}' already exists in the repository "
                    f"with name '{repository.name}' in registry with id '{self._private.account_id}'",
                )
            try:
                self._private.repositories.put(repository, manifest, tag)
            except RefusalError as refusal:
                raise AwsError(EXCEPTIONS[refusal.code], str(refusal)) from None
            return {"image": self._image(repository, manifest, tag)}

    def batch_get(self, parameters: Parameters, _: Caller) -> Answer:
        """BatchGetImage: manifests as they were pushed; acceptedMediaTypes converts nothing here."""
        repository = self._of(parameters)
        images: list[Answer] = []
        failures: list[Answer] = []
        with self._private.repositories.lock:
            for identifier in parameters["imageIds"]:
                manifest = _found(repository, identifier)
                if manifest is None:
                    failures.append(_failure(identifier, "ImageNotFound", "Requested image not found"))
                else:
                    images.append(self._image(repository, manifest, identifier.get("imageTag")))
        return {"images": images, "failures": failures}

    def batch_delete(self, parameters: Parameters, _: Caller) -> Answer:
        """BatchDeleteImage: by tag the tag (the image with its last one), by digest the image and its tags."""
        repository = self._of(parameters)
        deleted: list[Answer] = []
        failures: list[Answer] = []
        with self._private.repositories.lock:
            for identifier in parameters["imageIds"]:
                manifest = _found(repository, identifier)
                if manifest is None:
                    failures.append(_failure(identifier, "ImageNotFound", "Requested image not found"))
                    continue
                tag, tags = identifier.get("imageTag"), repository.tags_of(manifest.digest)
                if tag is not None and "imageDigest" not in identifier and tags != [tag]:
                    del repository.tags[tag]
                    deleted.append({"imageDigest": manifest.digest, "imageTag": tag})
                    continue
                holders = [one.digest for one in repository.manifests.values() if manifest.digest in one.children]
                if holders:
                    reason = f"Requested image referenced by manifest list: [{', '.join(holders)}]"
                    failures.append(_failure(identifier, "ImageReferencedByManifestList", reason))
                    continue
                deleted += _identifiers(repository, manifest.digest)
                repository.remove(manifest.digest)
        return {"imageIds": deleted, "failures": failures}

    def check_layers(self, parameters: Parameters, _: Caller) -> Answer:
        """BatchCheckLayerAvailability."""
        repository = self._of(parameters)
        layers: list[Answer] = []
        failures: list[Answer] = []
        for digest in parameters["layerDigests"]:
            if not DIGEST.fullmatch(digest):
                reason = f"Invalid layer digest '{digest}'"
                failures.append({"layerDigest": digest, "failureCode": "InvalidLayerDigest", "failureReason": reason})
            elif digest in repository.blobs:
                size = self._private.repositories.blobs.size(digest)
                layers.append({"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": size})
            else:
                layers.append({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"})
        return {"layers": layers, "failures": failures}

    def download_url(self, parameters: Parameters, _: Caller) -> Answer:
        """GetDownloadUrlForLayer: a signed URL of the storage."""
        repository, digest = self._of(parameters), parameters["layerDigest"]
        if digest not in repository.blobs:
            raise AwsError(
                "LayersNotFoundException",
                f"The layer with digest '{digest}' does not exist in the repository with name "
                f"'{repository.name}' in the registry with id '{self._private.account_id}'",
            )
        return {"downloadUrl": self._private.storage_url_of(digest), "layerDigest": digest}

    def initiate_upload(self, parameters: Parameters, _: Caller) -> Answer:
        """InitiateLayerUpload."""
        self._of(parameters)
        return {"uploadId": self._private.repositories.blobs.begin().id, "partSize": PART_SIZE}

    def upload_part(self, parameters: Parameters, _: Caller) -> Answer:
        """UploadLayerPart: parts must follow each other."""
        repository, upload = self._of(parameters), self._upload(parameters)
        if parameters["partFirstByte"] != upload.size:
            raise AwsError(
                "InvalidLayerPartException",
                f"Invalid layer part upload for upload with id '{upload.id}' in the repository with name "
                f"'{repository.name}' in the registry with id '{self._private.account_id}'",
            )
        upload.write(base64.b64decode(parameters["layerPartBlob"]))
        return self._named(repository, {"uploadId": upload.id, "lastByteReceived": upload.size - 1})

    def complete_upload(self, parameters: Parameters, _: Caller) -> Answer:
        """CompleteLayerUpload: the digest must be that of the bytes."""
        repository, upload = self._of(parameters), self._upload(parameters)
        if upload.digest not in parameters["layerDigests"]:
            raise AwsError(
                "InvalidLayerException",
                "The layer digest calculation performed by Amazon ECR upon "
                "receipt of the image layer does not match the digest specified.",
            )
        digest = self._private.repositories.blobs.commit(upload)
        repository.blobs.add(digest)
        return self._named(repository, {"uploadId": upload.id, "layerDigest": digest})

    def _of(self, parameters: Parameters) -> Repository:
        return self._repository(parameters["repositoryName"])

    def _upload(self, parameters: Parameters) -> Upload:
        upload = self._private.repositories.blobs.upload(parameters["uploadId"])
        if upload is None:
            raise AwsError("UploadNotFoundException", f"Upload with id '{parameters['uploadId']}' does not exist")
        return upload

    def _wanted(self, repository: Repository, identifier: Mapping[str, str]) -> Manifest:
        manifest = _found(repository, identifier)
        if manifest is None:
            digest, tag = (identifier.get(key, "null") for key in ("imageDigest", "imageTag"))
            raise AwsError(
                "ImageNotFoundException",
                f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within the "
                f"repository with name '{repository.name}' in the registry with id '{self._private.account_id}'",
            )
        return manifest

    def _named(self, repository: Repository, members: Answer) -> Answer:
        return {"registryId": self._private.account_id, "repositoryName": repository.name, **members}

    def _image(self, repository: Repository, manifest: Manifest, tag: str | None) -> Answer:
        """Botocore's Image."""
        identifier = {"imageDigest": manifest.digest} | ({"imageTag": tag} if tag else {})
        members = {
            "imageId": identifier,
            "imageManifest": manifest.content.decode(),
            "imageManifestMediaType": manifest.media_type,
        }
        return self._named(repository, members)

    def _detail(self, repository: Repository, manifest: Manifest) -> Answer:
        """Botocore's ImageDetail; an index has the size of its largest image."""
        children = [repository.manifests[digest] for digest in manifest.children]
        detail = {
            "imageDigest": manifest.digest,
            "imageSizeInBytes": max((child.size for child in children), default=manifest.size),
            "imagePushedAt": manifest.pushed_at,
            "imageManifestMediaType": manifest.media_type,
        }
        tags = repository.tags_of(manifest.digest)
        if tags:
            detail["imageTags"] = tags
        if manifest.artifact_type:
            detail["artifactMediaType"] = manifest.artifact_type
        if manifest.subject:
            detail["subjectManifestDigest"] = manifest.subject
        return self._named(repository, detail)


def _found(repository: Repository, identifier: Mapping[str, str]) -> Manifest | None:
    """The image of a digest, a tag, or both where they agree."""
    tag, digest = identifier.get("imageTag"), identifier.get("imageDigest")
    if tag is not None and digest is not None and repository.tags.get(tag) != digest:
        return None
    return repository.manifests.get(digest or repository.tags.get(tag or "", ""))


def _identifiers(repository: Repository, digest: str) -> list[dict[str, str]]:
    tags = repository.tags_of(digest)
    return [{"imageDigest": digest, "imageTag": tag} for tag in tags] or [{"imageDigest": digest}]


def _failure(identifier: Mapping[str, str], code: str, reason: str) -> Answer:
    return {"imageId": dict(identifier), "failureCode": code, "failureReason": reason}


def _by_tag_status(entries: list[Any], member: str, parameters: Parameters) -> list[Any]:
    """Entries that the filter's tagStatus lets through."""
    status = parameters.get("filter", {}).get("tagStatus", "ANY")
    if status == "ANY":
        return entries
    return [entry for entry in entries if (member in entry) == (status == "TAGGED")]

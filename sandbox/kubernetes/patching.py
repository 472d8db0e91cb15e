"""The four ways to patch an object."""

import copy
import json
from collections.abc import Callable
from typing import Any

from sandbox.kubernetes.api_types import kind_type
from sandbox.kubernetes.decoding import check_shape
from sandbox.kubernetes.json_patch import PatchError, apply_json_patch, apply_merge_patch
from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.status_error import StatusError, bad_request
from sandbox.kubernetes.strategic_merge import apply_strategic_merge

Document = dict[str, Any]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)


def patch_function(
    resource: Resource, content_type: str, patch: Any, name: str, unknown: list[str]
) -> Callable[[Document], Document]:
    """What a patch makes of an object.

    Args:
        resource: The object's resource.
        content_type: `JSON_PATCH`, `MERGE_PATCH` or `STRATEGIC_PATCH`.
        patch: The patch, decoded.
        name: The object's name in the URL.
        unknown: Receives the unknown fields that the patch adds.
    """

    def patched(before: Document) -> Document:
        after = _apply(resource, content_type, patch, before)
        if not isinstance(after.get("metadata"), dict):
            raise bad_request("the name of the object was undeterminable: name must be provided")
        after.update({"kind": resource.kind, "apiVersion": resource.api_version})
        given = after["metadata"].get("name", "")
        if given != name:
            raise bad_request(f"the name of the object ({given}) does not match the name on the URL ({name})")
        try:
            unknown.extend(check_shape(resource, after))
        except StatusError as error:
            raise _invalid_patch(json.dumps(after, separators=(",", ":")), error.message) from error
        return after

    return patched


def check_intent(resource: Resource, intent: Any, name: str) -> Document:
    """Check the configuration of a server-side apply.

    Raises:
        StatusError: 400 or 500, as kube-apiserver answers.
    """
    if not isinstance(intent, dict):
        raise bad_request("error decoding YAML: an object is expected")
    version = intent.get("apiVersion", "")
    if version != resource.api_version:
        text = f"Incorrect version specified in apply patch. Specified patch version: {version}"
        raise bad_request(f"{text}, expected: {resource.api_version}")
    if intent.get("kind", "") != resource.kind:
        raise bad_request(
            f"Incorrect kind specified in apply patch: {intent.get('kind', '')}, expected: {resource.kind}"
        )
    document = copy.deepcopy(intent)
    metadata = document.setdefault("metadata", {})
    if "managedFields" in metadata:
        raise bad_request("metadata.managedFields must be nil")
    if metadata.setdefault("name", name) != name:
        raise bad_request(f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})")
    unknown = check_shape(resource, document)
    if unknown:
        fields = ", ".join(f".{text.split(chr(34))[1]}: field not declared in schema" for text in unknown)
        raise StatusError(500, "", f"failed to create typed patch object: {fields}")
    return document


def _apply(resource: Resource, content_type: str, patch: Any, before: Document) -> Document:
    if content_type == JSON_PATCH:
        if not isinstance(patch, list):
            raise bad_request("json: cannot unmarshal object into Go value of type jsonpatch.Patch")
        try:
            return apply_json_patch(before, patch)
        except PatchError as error:
            message = "the server rejected our request due to an error in our request"
            raise StatusError(422, "Invalid", message, {}) from error
    if not isinstance(patch, dict):
        raise _invalid_patch(json.dumps(patch), "couldn't get version/kind; json parse error: an object is expected")
    if content_type == MERGE_PATCH:
        merged: Document = apply_merge_patch(copy.deepcopy(before), patch)
        return merged
    try:
        return apply_strategic_merge(before, patch, kind_type(resource.kind))
    except PatchError as error:
        raise StatusError(500, "", str(error)) from error


def _invalid_patch(shown: str, text: str) -> StatusError:
    value = json.dumps(shown)
    cause = {"reason": "FieldValueInvalid", "message": f"Invalid value: {value}: {text}", "field": "patch"}
    return StatusError(422, "Invalid", f' "" is invalid: patch: Invalid value: {value}: {text}', {"causes": [cause]})

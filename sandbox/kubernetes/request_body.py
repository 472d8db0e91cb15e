"""Reading a request's body: JSON, YAML for server-side apply, and the protobuf that kubectl sends."""

import json
from typing import Any

import yaml

from sandbox.kubernetes.protobuf import CONTENT_TYPE as PROTOBUF
from sandbox.kubernetes.protobuf import decode_protobuf
from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.status_error import bad_request, unsupported_media_type

Document = dict[str, Any]

_ACCEPTED = ("application/json", "application/yaml", PROTOBUF)


def read_object(resource: Resource, content_type: str, body: bytes) -> Document:
    """The object of a create or an update.

    Raises:
        StatusError: 400 or 415, it is no object of the resource's kind.
    """
    document = _read(resource.kind, content_type, body)
    kind, version = document.get("kind") or resource.kind, document.get("apiVersion") or resource.api_version
    if kind != resource.kind:
        given = f"{kind} in version {json.dumps(version)} cannot be handled as a {resource.kind}"
        raise bad_request(f"{given}: converting (v1.{kind}) to (core.{resource.kind}): unknown conversion")
    if version != resource.api_version:
        wanted = f"the API version in the data ({version}) does not match the expected API version"
        raise bad_request(f"{wanted} ({resource.api_version})")
    if not isinstance(document.setdefault("metadata", {}), dict):
        document["metadata"] = {} if document["metadata"] is None else document["metadata"]
    document["kind"], document["apiVersion"] = resource.kind, resource.api_version
    return document


def read_options(content_type: str, body: bytes) -> Document:
    """The options of a delete, empty without a body.

    Raises:
        StatusError: 400 or 415.
    """
    return _read("DeleteOptions", content_type, body) if body else {}


def read_patch(body: bytes) -> Any:
    """A patch: JSON or YAML.

    Raises:
        StatusError: 400.
    """
    try:
        return json.loads(body) if body[:1] in (b"{", b"[") else yaml.safe_load(body)
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"error decoding patch: {error}") from error


def _read(kind: str, content_type: str, body: bytes) -> Document:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == PROTOBUF:
        return decode_protobuf(body)
    if media_type not in ("", "application/json", "application/yaml", "application/octet-stream"):
        raise unsupported_media_type(_ACCEPTED)
    try:
        document = yaml.safe_load(body) if media_type == "application/yaml" else json.loads(body)
    except (ValueError, yaml.YAMLError) as error:
        shown = body.decode(errors="replace")[:100] or "<empty>"
        text = f"couldn't get version/kind; json parse error: {error} ({shown})"
        raise bad_request(f"the object provided is unrecognized (must be of type {kind}): {text}") from error
    if not isinstance(document, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {kind}): not an object")
    return document

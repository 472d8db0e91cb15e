"""What a request to the private registry's own API asks: the actions of ECR's API that do the same.

Source: ECR user guide, image-push-iam and image-pull-iam (what a push and a pull need), pull-through-cache-iam, and
blob mounting (GetDownloadUrlForLayer on the repository that a layer comes from). Referrers: ListImageReferrers, of the
same effect, needs BatchGetImage (botocore).
"""

import re
from collections.abc import Mapping
from urllib.parse import parse_qs

from sandbox.aws.authorization.policy import AuthorizationRequest
from sandbox.aws.authorization.resources import Place

_PATH = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs/uploads|blobs|tags|referrers)(?:/.*)?")
# An upload's last request may carry its bytes too.
_ACTIONS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("manifests", "HEAD"): ("BatchGetImage",),
    ("manifests", "GET"): ("BatchGetImage",),
    ("manifests", "PUT"): ("PutImage",),
    ("blobs", "HEAD"): ("BatchCheckLayerAvailability",),
    ("blobs", "GET"): ("GetDownloadUrlForLayer",),
    ("blobs/uploads", "POST"): ("InitiateLayerUpload",),
    ("blobs/uploads", "PATCH"): ("UploadLayerPart",),
    ("blobs/uploads", "PUT"): ("UploadLayerPart", "CompleteLayerUpload"),
    ("tags", "GET"): ("ListImages",),
    ("referrers", "GET"): ("BatchGetImage",),
}


def requests_of_registry(method: str, path: str, query: str, place: Place) -> list[AuthorizationRequest]:
    """What one request needs to be allowed; nothing for the ping and the like."""
    match = _PATH.fullmatch(path)
    if match is None:
        return []
    actions = _ACTIONS.get((match["kind"], method), ())
    origins = parse_qs(query).get("from", []) if method == "POST" else []
    return [
        *(_about(action, match["name"], place) for action in actions),
        *(_about("GetDownloadUrlForLayer", origin, place) for origin in origins),
    ]


def requests_of_import(repository: str, place: Place, *, is_new: bool) -> list[AuthorizationRequest]:
    """What a pull needs that has ECR fetch an image from its upstream."""
    actions = ("BatchImportUpstreamImage", "CreateRepository") if is_new else ("BatchImportUpstreamImage",)
    return [_about(action, repository, place) for action in actions]


def _about(action: str, repository: str, place: Place) -> AuthorizationRequest:
    return AuthorizationRequest(f"ecr:{action}", place.arn("ecr", f"repository/{repository}"))

"""The rule by which the private registry fetches images from a public one on their first pull."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from specs.fault import Findings
from specs.limit import Matches, OneOf
from specs.shape import Shapes, ecr_shapes
from specs.source import ECR_GUIDE, member
from specs.spec import Spec
from specs.wire import text

_REQUEST = "CreatePullThroughCacheRuleRequest"
_URL = member(_REQUEST, "upstreamRegistryUrl", "ecr")
_GUIDE = f"{ECR_GUIDE}/pull-through-cache.html"
_ROOT = "ROOT"
_LONGEST_REPOSITORY = 256


@dataclass(frozen=True)
class Upstream:
    """A registry that ECR can pull through.

    Attributes:
        host: Its host, a regular expression.
        secret: Whether its credentials must lie in Secrets Manager.
    """

    host: str
    secret: bool = False


# Hosts: botocore, upstreamRegistryUrl, and for Chainguard its own guide to ECR; secrets: the ECR User Guide,
# pull-through-cache ("requires authentication with AWS Secrets Manager secret").
UPSTREAMS: Mapping[str, Upstream] = {
    "ecr-public": Upstream(r"public\.ecr\.aws"),
    "k8s": Upstream(r"registry\.k8s\.io"),
    "quay": Upstream(r"quay\.io"),
    "docker-hub": Upstream(r"registry-1\.docker\.io", secret=True),
    "github-container-registry": Upstream(r"ghcr\.io", secret=True),
    "gitlab-container-registry": Upstream(r"registry\.gitlab\.com", secret=True),
    "azure-container-registry": Upstream(r"[a-zA-Z0-9]{5,50}\.azurecr\.io", secret=True),
    "chainguard": Upstream(r"cgr\.dev", secret=True),
    "ecr": Upstream(r"[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?"),
}
_ANY_HOST = "|".join(upstream.host for upstream in UPSTREAMS.values())


class PullThroughCacheRuleSpec(Spec):
    """The document of ``aws ecr create-pull-through-cache-rule --cli-input-json``."""

    wire_shape: ClassVar[str] = _REQUEST

    ecr_repository_prefix: str = Field(
        default="my-prefix",
        title="Repository prefix",
        description="Private repositories below it are fetched from the upstream; ROOT means all of them.",
        examples=["my-prefix", "docker-hub"],
    )
    upstream_registry_url: Annotated[
        str, Matches(_ANY_HOST, "the host of a registry that ECR can pull through, without a scheme", _URL)
    ] = Field(
        default="public.ecr.aws",
        title="Upstream registry",
        description="The host of the registry that images are fetched from.",
        examples=["public.ecr.aws", "registry-1.docker.io", "my-registry.azurecr.io"],
    )
    upstream_registry: Annotated[
        str, OneOf(tuple(UPSTREAMS), member(_REQUEST, "upstreamRegistry", "ecr"), or_empty=True)
    ] = Field(
        default="",
        title="Upstream registry's kind",
        description="What the host is; empty to let ECR tell by the host.",
        examples=["ecr-public", "docker-hub"],
    )
    credential_arn: str = Field(
        default="",
        title="Credential ARN",
        description="The Secrets Manager secret with username and accessToken; its name starts with "
        "ecr-pullthroughcache/. Needed for Docker Hub, GitHub, GitLab, Azure and Chainguard.",
        examples=["arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/docker-hub-AbCdEf"],
    )
    custom_role_arn: str = Field(
        default="",
        title="Custom role ARN",
        description="The IAM role that reads another account's ECR registry; for no other upstream.",
        examples=["arn:aws:iam::123456789012:role/ecr-pull-through"],
    )
    upstream_repository_prefix: str = Field(
        default="",
        title="Upstream repository prefix",
        description="The part of the upstream registry to fetch from; empty means all of it.",
        examples=["production"],
    )

    @classmethod
    def shapes(cls) -> Shapes:
        """The shapes of Amazon ECR."""
        return ecr_shapes()

    @classmethod
    def check(cls, document: Mapping[str, Any], found: Findings) -> None:
        """Check what fields say together."""
        kind = kind_of(text(document.get("upstreamRegistryUrl")))
        if kind is not None:
            _check_kind(document, kind, found)
            _check_credentials(document, kind, found)
        prefix, upstream = document.get("ecrRepositoryPrefix"), document.get("upstreamRepositoryPrefix")
        if prefix == _ROOT and upstream not in (None, _ROOT):
            rule = "An upstream prefix is only allowed below a repository prefix other than ROOT."
            fix = "Leave it out, or choose a repository prefix."
            source = f"{ECR_GUIDE}/pull-through-cache-private-wildcards.html"
            found.fault("upstreamRepositoryPrefix", upstream, rule, fix, source)

    def private_repository(self, source: str) -> str | None:
        """The private repository that an image of the upstream appears in.

        Prefixes are replaced as the ECR User Guide's page pull-through-cache-private-wildcards shows.

        Args:
            source: Reference of the image, such as `public.ecr.aws/amazonlinux/amazonlinux:2`; as Docker reads it,
                so that `busybox` is `library/busybox` of Docker Hub.

        Returns:
            The repository's name; None if the rule does not fetch this image.
        """
        host, repository = _split(source)
        if host != self.upstream_registry_url:
            return None
        upstream = _path(self.upstream_repository_prefix)
        if not repository.startswith(upstream):
            return None
        name = _path(self.ecr_repository_prefix) + repository.removeprefix(upstream)
        return name if len(name) <= _LONGEST_REPOSITORY else None

    def fills(self, repository: str) -> bool:
        """Whether a repository of the private registry is one that the rule fetches images into."""
        own = _path(self.ecr_repository_prefix)
        return repository.startswith(own) and repository != own


def kind_of(host: str) -> str | None:
    """The kind of upstream that a host is, by botocore's UpstreamRegistry; None for one that ECR does not support."""
    return next((kind for kind, upstream in UPSTREAMS.items() if re.fullmatch(upstream.host, host)), None)


def _check_kind(document: Mapping[str, Any], kind: str, found: Findings) -> None:
    given = document.get("upstreamRegistry")
    if given in UPSTREAMS and given != kind:
        rule = f"The host {document['upstreamRegistryUrl']} is {kind}."
        found.fault("upstreamRegistry", given, rule, "Leave it out, or correct the host.", _URL)


def _check_credentials(document: Mapping[str, Any], kind: str, found: Findings) -> None:
    secret, role = document.get("credentialArn"), document.get("customRoleArn")
    if UPSTREAMS[kind].secret and not secret:
        rule = f"{kind} wants credentials, which ECR reads from Secrets Manager."
        fix = "Store username and accessToken in a secret named ecr-pullthroughcache/..., and give its ARN."
        found.fault("credentialArn", secret, rule, fix, f"{ECR_GUIDE}/pull-through-cache-creating-secret.html")
    elif secret and not UPSTREAMS[kind].secret:
        rule = f"{kind} takes no credentials from Secrets Manager."
        found.fault("credentialArn", secret, rule, "Leave it out.", _GUIDE)
    if role and kind != "ecr":
        rule = "A role is for another account's ECR registry only."
        found.fault("customRoleArn", role, rule, "Leave it out.", member(_REQUEST, "customRoleArn", "ecr"))


def _path(prefix: str) -> str:
    """A prefix as the beginning of a repository's name: "there is always an assumed / applied to the end"."""
    return "" if prefix in ("", _ROOT) else f"{prefix.rstrip('/')}/"


def _split(source: str) -> tuple[str, str]:
    """Host and repository of a reference (github.com/distribution/reference, ParseNormalizedNamed)."""
    name = source.partition("@")[0]
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        host, path = first, rest
    else:
        host, path = "docker.io", name
    repository = path.partition(":")[0]
    if host in ("docker.io", "index.docker.io"):
        host = "registry-1.docker.io"
        repository = repository if "/" in repository else f"library/{repository}"
    return host, repository

"""Amazon ECR's pull-through cache: repositories below a prefix are filled from an upstream by their first pull.

Sources: ECR User Guide, pull-through-cache (24 hours a tag, the cached image where the upstream gives no answer,
immutable tags, whole manifest lists, the first pull from a private VPC) and pull-through-cache-private-wildcards
(which repository is whose); containers-roadmap issues 939 and 2304 for what a pull meets before the import is done:
ECR answers with the manifest at once and redirects blobs to the upstream's own storage.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from sandbox.registries.manifests import Manifest
from sandbox.registries.refusal import RefusalError
from sandbox.registries.repositories import Repositories, Repository
from sandbox.registries.upstream_client import UpstreamClient, UpstreamDeniedError, UpstreamUnreachableError

# Seen by users of rules for Docker Hub: containers-roadmap issue 2354.
DENIED = (
    "The authentication to the upstream registry failed. Verify that the credentials provided in the pull through "
    "cache rule are correct, and try again."
)


@dataclass(frozen=True)
class Rule:
    """A pull-through cache rule, as far as pulls need it.

    Attributes:
        prefix: Prefix of private repositories, without a slash at its end; `ROOT` for all.
        upstream: Host of the upstream.
        upstream_prefix: Prefix of the upstream's repositories; `ROOT` for all.
        login: Gives the user and password of the upstream; None where it takes none.
    """

    prefix: str
    upstream: str
    upstream_prefix: str = "ROOT"
    login: Callable[[], tuple[str, str] | None] = lambda: None

    def upstream_repository(self, name: str) -> str | None:
        """The upstream's name of a private repository; None where the rule does not cover it."""
        own, theirs = _path(self.prefix), _path(self.upstream_prefix)
        return f"{theirs}{name.removeprefix(own)}" if name.startswith(own) and name != own else None


class PullThrough:
    """The cache of one private registry. Safe to use from several threads.

    Attributes:
        rules: The rules by prefix; the ECR API fills it.
        endpoints: URLs of the upstreams by host; any other host gives no answer.
        no_route: `host:port` that accepts no connection: where blobs lie for who has no route to the internet.
        freshness: Seconds for which a tag is not looked up again.
        import_delay: Seconds between a pull and the import.
        create: Makes a repository as the creation templates want it.
    """

    def __init__(self, repositories: Repositories) -> None:
        self.rules: dict[str, Rule] = {}
        self.endpoints: Mapping[str, str] = {}
        self.no_route = ""
        self.freshness: Callable[[], float] = lambda: 24 * 3600.0
        self.import_delay: Callable[[], float] = lambda: 0.0
        self.create: Callable[[str], Repository] = repositories.create
        self._repositories = repositories
        self._http = httpx.Client(timeout=10.0, trust_env=False)
        self._looked_up: dict[tuple[str, str], float] = {}
        self._importing: dict[tuple[str, str], threading.Timer] = {}
        self._generation = 0

    def close(self) -> None:
        """Drop what is being imported and close all connections."""
        self.reset()
        self._http.close()

    def reset(self) -> None:
        """No rules; what is being imported is dropped."""
        with self._repositories.lock:
            self._generation += 1
            self.rules.clear()
            self._looked_up.clear()
            importing = list(self._importing.values())
            self._importing.clear()
        for timer in importing:
            timer.cancel()
            timer.join()

    def covers(self, name: str) -> bool:
        """Whether a repository is one of the cache."""
        return self._rule(name) is not None

    def pull(
        self, name: str, reference: str, *, from_vpc: bool, check_import: Callable[[], None] = lambda: None
    ) -> Manifest | None:
        """The manifest that a pull gets; None where there is none.

        Args:
            name: The private repository.
            reference: Tag or digest.
            from_vpc: Whether it comes through an interface endpoint, without a route to the internet. Then nothing is
                imported ("ensure the first pull has a route to the internet"), so that a tag that moved upstream
                breaks pulls that worked until then (issue 2304).
            check_import: Called before an image is imported; raises RefusalError where the puller may not have it so.

        Raises:
            RefusalError: The upstream does not accept the rule's credentials, or the puller may not import.
        """
        held = self._held(name, reference)
        found = self._rule(name)
        if found is None or (held is not None and self._is_fresh(name, reference, held)):
            return held
        rule, repository = found
        try:
            client = self._client(rule)
            manifest = client.manifest(repository, reference, self._repositories.clock())
        except UpstreamUnreachableError:
            return held
        except UpstreamDeniedError:
            if held is not None:
                return held
            raise RefusalError(403, "DENIED", DENIED) from None
        if manifest is None or (held is not None and manifest.digest == held.digest):
            self._looked_up[name, reference] = self._repositories.clock()
            return held
        if not from_vpc:
            check_import()
            self._begin(name, reference, manifest, client, repository)
        return manifest

    def blob_url(self, name: str, digest: str, *, from_vpc: bool) -> str | None:
        """Where a blob lies that is not imported yet; None where the upstream has none."""
        found = self._rule(name)
        if found is None:
            return None
        try:
            url = self._client(found[0]).blob_url(found[1], digest)
        except (UpstreamUnreachableError, UpstreamDeniedError):
            return None
        if url is None or not from_vpc:
            return url
        return urlsplit(url)._replace(netloc=self.no_route).geturl()

    def validate(self, rule: Rule) -> str:
        """Sign in to a rule's upstream; gives what went wrong, or nothing."""
        try:
            self._client(rule).check()
        except UpstreamDeniedError:
            return DENIED
        except UpstreamUnreachableError:
            return f"The upstream registry {rule.upstream} could not be reached."
        return ""

    def _rule(self, name: str) -> tuple[Rule, str] | None:
        """The rule of the longest prefix that covers a repository, and the repository's name at the upstream."""
        with self._repositories.lock:
            rules = sorted(self.rules.values(), key=lambda one: len(_path(one.prefix)), reverse=True)
        for rule in rules:
            repository = rule.upstream_repository(name)
            if repository is not None:
                return rule, repository
        return None

    def _client(self, rule: Rule) -> UpstreamClient:
        if rule.upstream not in self.endpoints:
            raise UpstreamUnreachableError(rule.upstream)
        return UpstreamClient(self._http, self.endpoints[rule.upstream], rule.login())

    def _held(self, name: str, reference: str) -> Manifest | None:
        with self._repositories.lock:
            repository = self._repositories.find(name)
            return repository.find(reference) if repository else None

    def _is_fresh(self, name: str, reference: str, held: Manifest) -> bool:
        """Whether a held image is served without asking: by digest, an immutable tag, or looked up lately."""
        repository = self._repositories.find(name)
        if reference == held.digest or repository is None or repository.mutability.immutable(reference):
            return True
        looked_up = self._looked_up.get((name, reference), float("-inf"))
        return self._repositories.clock() < looked_up + self.freshness()

    def _begin(self, name: str, reference: str, manifest: Manifest, client: UpstreamClient, repository: str) -> None:
        """Import an image in the background, unless that is under way."""
        tag = None if ":" in reference else reference
        with self._repositories.lock:
            if (name, reference) in self._importing:
                return
            arguments = (self._generation, name, tag, manifest, client, repository)
            timer = threading.Timer(self.import_delay(), self._import, arguments)
            timer.daemon = True
            self._importing[name, reference] = timer
            timer.start()

    def _import(
        self, generation: int, name: str, tag: str | None, manifest: Manifest, client: UpstreamClient, repository: str
    ) -> None:
        """Bring an image in: what an index lists first, the tag last. What fails is begun anew by the next pull."""
        try:
            manifests = [*self._children(manifest, client, repository), manifest]
            blobs = {digest for one in manifests for digest in one.blobs}
            for digest in blobs:
                if not self._repositories.blobs.path(digest).exists():
                    client.fetch(repository, digest, self._repositories.blobs)
            with self._repositories.lock:
                if generation != self._generation:
                    return
                held = self._repositories.find(name) or self.create(name)
                held.pulled_through = True
                held.blobs |= blobs
                for one in manifests:
                    self._repositories.put(held, one, tag if one is manifest else None)
                if tag is not None:
                    self._looked_up[name, tag] = self._repositories.clock()
        except (UpstreamUnreachableError, UpstreamDeniedError):
            return
        finally:
            with self._repositories.lock:
                if generation == self._generation:
                    self._importing.pop((name, tag or manifest.digest), None)

    def _children(self, index: Manifest, client: UpstreamClient, repository: str) -> list[Manifest]:
        children = [client.manifest(repository, digest, self._repositories.clock()) for digest in index.children]
        if None in children:
            raise UpstreamUnreachableError(f"a manifest that {index.digest} lists is not there")
        return [child for child in children if child is not None]


def _path(prefix: str) -> str:
    """A prefix as the beginning of a name: "there is always an assumed / applied to the end of the prefix"."""
    return "" if prefix == "ROOT" else f"{prefix.rstrip('/')}/"

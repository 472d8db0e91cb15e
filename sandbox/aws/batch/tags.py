"""TagResource, UntagResource, ListTagsForResource."""

from collections.abc import Mapping
from typing import Any

from sandbox.aws.batch.core import Core
from sandbox.aws.batch.refusals import execution_exception

_MOST = 50


class Tags:
    """The tags of compute environments, queues, policies, definitions and jobs."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def list(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """ListTagsForResource."""
        with self._core.lock:
            return {"tags": dict(self._of(request["resourceArn"]))}

    def tag(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """TagResource: at most 50 tags [B:TagrisTagsMap]."""
        with self._core.lock:
            tags = self._of(request["resourceArn"])
            if len({**tags, **request["tags"]}) > _MOST:
                raise execution_exception(f"A resource can have at most {_MOST} tags")
            tags.update(request["tags"])
        return {}

    def untag(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """UntagResource; a single key arrives as text from the query string."""
        keys = request["tagKeys"]
        with self._core.lock:
            tags = self._of(request["resourceArn"])
            for key in [keys] if isinstance(keys, str) else keys:
                tags.pop(key, None)
        return {}

    def _of(self, arn: str) -> dict[str, str]:
        state = self._core.state
        # arn:aws:batch:REGION:ACCOUNT:KIND/NAME; a definition's name and an array child's id hold a colon too.
        kind, _, name = arn.split(":", 5)[-1].partition("/")
        found: Any = None
        if kind == "compute-environment":
            found = state.compute_environments.get(name)
        elif kind == "job-queue":
            found = state.queues.get(name)
        elif kind == "scheduling-policy":
            found = state.policies.get(name)
        elif kind == "job-definition":
            found = self._definition(name)
        elif kind == "job":
            job = state.jobs.get(name)
            found = job.spec if job else None
        if found is None:
            raise execution_exception(f"Resource {arn} does not exist")
        tags: dict[str, str] = found.tags
        return tags

    def _definition(self, name: str) -> Any | None:
        stem, _, revision = name.partition(":")
        revisions = self._core.state.definitions.get(stem, [])
        return next((each for each in revisions if str(each.revision) == revision), None)

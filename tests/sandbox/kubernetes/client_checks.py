"""What clients of a Kubernetes API rely on, one check each, asked by the official Python client."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes
from kubernetes.client import ApiException, V1DeleteOptions
from kubernetes.dynamic import DynamicClient

from tests.sandbox.kubernetes.normalised_answer import normalised

NAMESPACE = "aws-batch-ns"
GROUP = "rbac.authorization.k8s.io"
Check = tuple[str, Callable[[], Any]]


class ClientChecks:
    """The checks, to be made in their order: each finds what the earlier ones left.

    A watch of a version long gone is not among them: whether it has expired depends on what else the server was asked.

    Args:
        api: The client, as the administrator.
        eventually: Waits until something is true.
        directory: For the discovery's cache.
    """

    def __init__(
        self, api: kubernetes.client.ApiClient, eventually: Callable[[Callable[[], object]], None], directory: Path
    ) -> None:
        self._api = api
        self._eventually = eventually
        self._directory = directory
        self._core = kubernetes.client.CoreV1Api(api)
        self._rbac = kubernetes.client.RbacAuthorizationV1Api(api)
        self._authorization = kubernetes.client.AuthorizationV1Api(api)
        self._read_version = ""

    def answers(self) -> dict[str, Any]:
        """The answer to each check, by the check's name: the document, or status and refusal."""
        return {name: self._answer(check) for name, check in self._all()}

    def _answer(self, check: Callable[[], Any]) -> Any:
        try:
            return normalised(json.dumps(self._api.sanitize_for_serialization(check())))
        except ApiException as refused:
            return {"refused": refused.status, "answer": normalised(refused.body or refused.reason)}

    def _all(self) -> Iterator[Check]:
        yield from self._namespaces()
        yield from self._rights()
        yield from self._config_maps()
        yield from self._patches()
        yield from self._pods()
        yield from self._watches()
        yield from self._deletions()
        yield from self._questions()

    def _namespaces(self) -> Iterator[Check]:
        core, labelled = self._core, {"metadata": {"name": NAMESPACE, "labels": {"name": NAMESPACE}}}
        yield "a namespace is created", lambda: core.create_namespace(labelled)
        yield "a namespace that exists is not created again", lambda: core.create_namespace(labelled)
        yield "a namespace is read", lambda: core.read_namespace(NAMESPACE)
        yield "a namespace that does not exist is not found", lambda: core.read_namespace("nope")
        yield "namespaces are listed", core.list_namespace
        yield "a name outside the rules is invalid", lambda: core.create_namespace({"metadata": {"name": "Bad_Name"}})

    def _rights(self) -> Iterator[Check]:
        rbac = self._rbac
        cluster_role = {
            "metadata": {"name": "aws-batch-cluster-role"},
            "rules": [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]}],
        }
        role = {
            "metadata": {"name": "r"},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}],
        }
        binding = {
            "metadata": {"name": "rb"},
            "subjects": [{"kind": "User", "name": "aws-batch", "apiGroup": GROUP}],
            "roleRef": {"kind": "Role", "name": "r", "apiGroup": GROUP},
        }
        without_subjects = {
            "metadata": {"name": "crb"},
            "roleRef": {"kind": "ClusterRole", "name": "aws-batch-cluster-role", "apiGroup": GROUP},
        }
        other = {"roleRef": {"kind": "Role", "name": "other", "apiGroup": GROUP}}
        yield "a cluster role is created", lambda: rbac.create_cluster_role(cluster_role)
        yield "a role is created", lambda: rbac.create_namespaced_role(NAMESPACE, role)
        yield "a role binding is created", lambda: rbac.create_namespaced_role_binding(NAMESPACE, binding)
        yield (
            "a cluster role binding needs no subjects",
            lambda: rbac.create_cluster_role_binding(without_subjects),
        )
        yield (
            "the role of a binding cannot be changed",
            lambda: rbac.patch_namespaced_role_binding("rb", NAMESPACE, other),
        )

    def _config_maps(self) -> Iterator[Check]:
        core = self._core
        aws_auth = {"metadata": {"name": "aws-auth"}, "data": {"mapRoles": "- a\n"}}

        def read() -> Any:
            found = core.read_namespaced_config_map("aws-auth", NAMESPACE)
            self._read_version = found.metadata.resource_version
            return found

        def replace(version: str) -> Any:
            body = {
                "metadata": {"name": "aws-auth", "namespace": NAMESPACE, "resourceVersion": version},
                "data": {"mapRoles": "- a\n- b\n"},
            }
            return core.replace_namespaced_config_map("aws-auth", NAMESPACE, body)

        shorter = {"metadata": {"name": "aws-auth"}, "data": {"mapUsers": "x"}}
        yield (
            "nothing is created in a namespace that does not exist",
            lambda: core.create_namespaced_config_map("ghost", {"metadata": {"name": "c"}, "data": {}}),
        )
        yield "a config map is created", lambda: core.create_namespaced_config_map(NAMESPACE, aws_auth)
        yield "a config map is read", read
        yield "a config map of the current version is replaced", lambda: replace(self._read_version)
        yield "a config map of an earlier version is not replaced", lambda: replace(self._read_version)
        yield "a config map of version 1 is not replaced", lambda: replace("1")
        yield (
            "a replacement removes the keys that it lacks",
            lambda: core.replace_namespaced_config_map("aws-auth", NAMESPACE, shorter),
        )

    def _patches(self) -> Iterator[Check]:
        add = [{"op": "add", "path": "/data/x", "value": "1"}]
        test = [{"op": "test", "path": "/data/x", "value": "zzz"}]
        applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "aws-auth"}, "data": {"mapRoles": "a"}}
        new = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "brandnew"}, "data": {"a": "b"}}
        by = [("fieldManager", "probe")]
        yield "a JSON patch adds", lambda: self._patch("aws-auth", "json-patch+json", add)
        yield "a JSON patch whose test fails changes nothing", lambda: self._patch("aws-auth", "json-patch+json", test)
        yield (
            "a merge patch deletes with null",
            lambda: self._patch("aws-auth", "merge-patch+json", {"data": {"x": None, "y": "2"}}),
        )
        yield (
            "a strategic merge patch merges",
            lambda: self._patch("aws-auth", "strategic-merge-patch+json", {"data": {"z": "3"}}),
        )
        yield (
            "an apply by force takes fields over",
            lambda: self._patch("aws-auth", "apply-patch+yaml", applied, [*by, ("force", "true")]),
        )
        yield "an apply creates what is absent", lambda: self._patch("brandnew", "apply-patch+yaml", new, by)

    def _patch(self, name: str, kind: str, body: Any, query: list[tuple[str, str]] | None = None) -> Any:
        """Patch a config map by a content type of our choice, which the client's own methods do not offer."""
        headers = {"Accept": "application/json", "Content-Type": f"application/{kind}"}
        request = list(
            self._api.param_serialize(
                method="PATCH",
                resource_path=f"/api/v1/namespaces/{NAMESPACE}/configmaps/{name}",
                query_params=query or [],
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
            )
        )
        # The client would send YAML's content types as a form.
        request[3] = json.dumps(body) if kind.endswith("yaml") else request[3]
        response = self._api.call_api(*request)
        response.read()
        if response.status >= 300:
            raise ApiException(status=response.status, body=response.data.decode())
        return json.loads(response.data)

    def _pods(self) -> Iterator[Check]:
        core, spec = self._core, {"containers": [{"name": "c", "image": "i"}]}
        named = {"metadata": {"name": "p1", "labels": {"app": "x"}}, "spec": spec}
        more = {"spec": {"containers": [{"name": "c", "image": "i2"}, {"name": "d", "image": "j"}]}}
        event = {
            "metadata": {"name": "e1"},
            "involvedObject": {"kind": "Pod", "name": "p1", "namespace": NAMESPACE},
            "reason": "Scheduled",
            "type": "Normal",
            "message": "m",
        }
        self._eventually(lambda: core.list_namespaced_service_account(NAMESPACE).items)
        yield "a pod is created", lambda: core.create_namespaced_pod(NAMESPACE, named)
        yield (
            "a pod's name is generated",
            lambda: core.create_namespaced_pod(NAMESPACE, {"metadata": {"generateName": "zzz-"}, "spec": spec}),
        )
        yield "a pod's containers cannot become more", lambda: core.patch_namespaced_pod("p1", NAMESPACE, more)
        yield (
            "a pod's status is patched",
            lambda: core.patch_namespaced_pod_status("p1", NAMESPACE, {"status": {"phase": "Running"}}),
        )
        yield "a label selects nothing", lambda: core.list_namespaced_pod(NAMESPACE, label_selector="app=nope")
        yield "a field selects one", lambda: core.list_namespaced_pod(NAMESPACE, field_selector="metadata.name=p1")
        yield "a list is cut into pages", lambda: core.list_namespaced_pod(NAMESPACE, limit=1)
        yield "an event is created", lambda: core.create_namespaced_event(NAMESPACE, event)

    def _watches(self) -> Iterator[Check]:
        core, watched = self._core, {"metadata": {"name": "w1"}, "data": {}}

        def events(seconds: int) -> Iterator[Any]:
            version = core.list_namespaced_config_map(NAMESPACE).metadata.resource_version
            listing, since = core.list_namespaced_config_map, {"resource_version": version}
            return iter(kubernetes.watch.Watch().stream(listing, NAMESPACE, timeout_seconds=seconds, **since))

        def live() -> list[Any]:
            changes = events(10)
            core.create_namespaced_config_map(NAMESPACE, watched)
            created = next(changes)
            core.delete_namespaced_config_map("w1", NAMESPACE)
            return [[event["type"], event["object"]] for event in (created, next(changes))]

        yield "a watch sees a creation and a deletion", live
        yield "a watch ends with its time", lambda: list(events(1))

    def _deletions(self) -> Iterator[Check]:
        core = self._core
        at_once = V1DeleteOptions(grace_period_seconds=0)

        def role_of_deleted_namespace() -> Any:
            self._eventually(lambda: NAMESPACE not in [each.metadata.name for each in core.list_namespace().items])
            return self._rbac.read_namespaced_role("r", NAMESPACE)

        yield "a pod is deleted", lambda: core.delete_namespaced_pod("p1", NAMESPACE)
        yield "all pods are deleted", lambda: core.delete_collection_namespaced_pod(NAMESPACE, body=at_once)
        yield "a namespace is deleted", lambda: core.delete_namespace(NAMESPACE)
        yield "a deleted namespace takes its roles along", role_of_deleted_namespace

    def _questions(self) -> Iterator[Check]:
        asked = {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}
        yield "one's own access is told", lambda: self._authorization.create_self_subject_access_review(asked)
        yield (
            "one's own rules are told",
            lambda: self._authorization.create_self_subject_rules_review({"spec": {"namespace": "default"}}),
        )
        yield "the version is told", lambda: kubernetes.client.VersionApi(self._api).get_code().git_version
        yield "resources are discovered", self._discovered

    def _discovered(self) -> dict[str, Any]:
        found = DynamicClient(self._api, cache_file=self._directory / "discovery.json").resources.get(
            api_version="v1", kind="ConfigMap"
        )
        return {
            "name": found.name,
            "singular": found.singular_name,
            "namespaced": found.namespaced,
            "verbs": sorted(found.verbs),
            "short names": found.short_names,
            "categories": found.categories,
        }

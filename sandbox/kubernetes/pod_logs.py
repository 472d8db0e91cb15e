"""Pod logs: fetched from the kubelet of the pod's node, over TLS, as a kube-apiserver does."""

import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp import web

from sandbox.kubernetes.resources import BY_PATH
from sandbox.kubernetes.status_error import StatusError, bad_request
from sandbox.kubernetes.store import Store

Document = dict[str, Any]

_NODES = BY_PATH["", "v1", "nodes"]
_PARAMETERS = ("follow", "previous", "timestamps", "sinceSeconds", "sinceTime", "tailLines", "limitBytes")


class PodLogs:
    """Forwards log requests.

    Args:
        store: Where pods and nodes are.
        tls: Trusts the kubelets' certificates and shows the API server's own.
    """

    def __init__(self, store: Store, tls: ssl.SSLContext) -> None:
        self._store = store
        self._tls = tls

    async def answer(self, request: web.Request, pod: Document, query: Mapping[str, str]) -> web.StreamResponse:
        """Stream the log of one container.

        Raises:
            StatusError: There is no such container, node or log.
        """
        metadata = pod["metadata"]
        if not pod["spec"].get("nodeName"):
            return web.Response(text="")
        container = _container(pod, query.get("container", ""))
        url = f"{self._kubelet(pod)}/containerLogs/{metadata['namespace']}/{metadata['name']}/{container}"
        parameters = {name: query[name] for name in _PARAMETERS if name in query}
        timeout = aiohttp.ClientTimeout(total=None, connect=10)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            try:
                async with session.get(url, params=parameters, ssl=self._tls) as upstream:
                    if upstream.status != 200:
                        raise _kubelet_error(upstream.status, (await upstream.text()).strip())
                    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
                    await response.prepare(request)
                    async for chunk in upstream.content.iter_any():
                        await response.write(chunk)
                    return response
            except aiohttp.ClientConnectorError as error:
                text = f'Get "{upstream_name(url, parameters)}": {error.os_error}'
                raise StatusError(500, "InternalError", f"Internal error occurred: {text}") from error

    def _kubelet(self, pod: Document) -> str:
        name = pod["spec"]["nodeName"]
        node = self._store.get(_NODES, "", name)
        if node is None:
            raise StatusError(500, "InternalError", f'Internal error occurred: nodes "{name}" not found')
        addresses = node["status"].get("addresses") or []
        address = next((item["address"] for item in addresses if item["type"] == "InternalIP"), "")
        if not address:
            known = [item["address"] for item in addresses]
            raise StatusError(500, "", f"no preferred addresses found; known addresses: {known}")
        return f"https://{address}:{node['status']['daemonEndpoints']['kubeletEndpoint']['Port']}"


def upstream_name(url: str, parameters: Mapping[str, str]) -> str:
    """A request to a kubelet as errors name it."""
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return f"{url}?{query}" if query else url


def _container(pod: Document, asked: str) -> str:
    names = [container["name"] for container in pod["spec"]["containers"]]
    first = [container["name"] for container in pod["spec"].get("initContainers") or []]
    name = pod["metadata"]["name"]
    if asked:
        if asked not in (*names, *first):
            raise bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    if len(names) == 1:
        return str(names[0])
    text = f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]"
    raise bad_request(f"{text} or one of the init containers: [{' '.join(first)}]" if first else text)


def _kubelet_error(status: int, text: str) -> StatusError:
    if status == 400:
        return bad_request(text)
    if status == 500:
        return StatusError(500, "InternalError", f"Internal error occurred: {text}")
    return StatusError(status, "NotFound" if status == 404 else "", text)

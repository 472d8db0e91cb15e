"""Control routes of the sandbox that are about the cluster: faults of its API, and nodes by hand."""

import dataclasses
import json
import ssl
from pathlib import Path
from typing import Any

import httpx
from werkzeug.wrappers import Request, Response

from sandbox.aws.eks import EksClusters
from sandbox.aws.server import AwsServer
from sandbox.kubernetes.control_plane import ControlPlane
from sandbox.names import CLUSTER_NAME
from sandbox.nodes import Nodes


class ControlRoutes:
    """Routes on the AWS server's ports, beside its own under `/_sandbox`.

    `POST` and `DELETE /_sandbox/kubernetes/faults` go on to the control plane. `POST /_sandbox/nodes` launches an
    instance as AWS Batch does (the parameters of `Nodes.launch`), `GET` and `DELETE /_sandbox/nodes/<id>` show and end
    it: a node without Batch, as people have who run their own node groups. `POST /_sandbox/authentication-mode` has the
    cluster be as if it had been created in a mode, since there is no way back from access entries.
    """

    def __init__(self, nodes: Nodes, clusters: EksClusters, control_plane: ControlPlane, ca_file: Path) -> None:
        self._nodes = nodes
        self._clusters = clusters
        self._control_plane = control_plane
        self._ca_file = ca_file

    def install(self, server: AwsServer) -> None:
        """Register the routes."""
        server.route("POST", "/_sandbox/kubernetes/faults", self._faults)
        server.route("DELETE", "/_sandbox/kubernetes/faults", self._faults)
        server.route("POST", "/_sandbox/authentication-mode", self._set_mode)
        server.route("POST", "/_sandbox/nodes", self._launch)
        server.route("GET", "/_sandbox/nodes/<instance_id>", self._show)
        server.route("DELETE", "/_sandbox/nodes/<instance_id>", self._terminate)

    def _faults(self, request: Request) -> Response:
        """Hand a fault on to the control plane, which takes them with the sandbox's own token only."""
        context = ssl.create_default_context(cafile=str(self._ca_file))
        with httpx.Client(verify=context, trust_env=False) as client:
            answer = client.request(
                request.method,
                f"{self._control_plane.url}/_sandbox/faults",
                content=request.get_data(),
                headers={"Authorization": f"Bearer {self._control_plane.admin_token}"},
            )
        return Response(answer.content or b"{}", answer.status_code, content_type="application/json")

    def _set_mode(self, request: Request) -> Response:
        self._clusters.set_authentication_mode(CLUSTER_NAME, json.loads(request.get_data()))
        return _json({})

    def _launch(self, request: Request) -> Response:
        try:
            instance_id = self._nodes.launch(**json.loads(request.get_data()))
        except (LookupError, TypeError) as error:
            return _json({"message": str(error)}, 400)
        return _json({"instance_id": instance_id})

    def _show(self, _: Request, instance_id: str) -> Response:
        try:
            return _json(dataclasses.asdict(self._nodes.state(instance_id)))
        except LookupError:
            return _json({"message": f"there is no instance {instance_id}"}, 404)

    def _terminate(self, _: Request, instance_id: str) -> Response:
        self._nodes.terminate(instance_id)
        return _json({})


def _json(document: Any, status: int = 200) -> Response:
    return Response(json.dumps(document), status, content_type="application/json")

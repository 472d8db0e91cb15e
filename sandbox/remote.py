"""A sandbox in a process of its own, as tests and the demo use it."""

import json
import os
import selectors
import shlex
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

_ROOT = Path(__file__).resolve().parent.parent
_READY_SECONDS = 60
_STOP_SECONDS = 60
_REQUEST_SECONDS = 60

ControlPlaneKind = Literal["embedded", "real", "auto"]


class SandboxFailedError(RuntimeError):
    """The sandbox's process did not start; the message ends with what it wrote."""


class RemoteSandbox:
    """Starts `python -m sandbox up`, waits until it is ready, and talks to its control routes.

    Example:
        ```python
        with RemoteSandbox() as sandbox:
            batch = boto3.client("batch", endpoint_url=sandbox.aws_endpoint, ...)
            subprocess.run(["kubectl", "get", "ns"], env={**os.environ, **sandbox.env})
        ```

    Attributes:
        state_dir: Where the sandbox keeps its files (`env.sh`, `kubeconfig`, ...).
        ready: The JSON line that it printed when it was ready.
        log_file: What it writes to standard error.
    """

    def __init__(self, state_dir: Path | None = None, *, control_plane: ControlPlaneKind = "auto") -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="sandbox-") if state_dir is None else None
        self.state_dir = Path(self._temporary.name) if self._temporary else state_dir or Path()
        self.state_dir.mkdir(parents=True, exist_ok=True)
        self.log_file = self.state_dir / "sandbox.log"
        self.ready: dict[str, Any] = {}
        self._control_plane = control_plane
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process and wait until it is ready.

        Raises:
            SandboxFailedError: It ended, or was not ready in time.
        """
        command = [sys.executable, "-m", "sandbox", "up", "--stop-on-eof"]
        command += ["--state-dir", str(self.state_dir), "--control-plane", self._control_plane]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        with self.log_file.open("wb") as log:
            # Its standard input is our pipe: when this process dies, however it dies, the sandbox stops.
            self._process = subprocess.Popen(
                command,
                cwd=_ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        line = self._first_line(self._process)
        if not line:
            self.stop(keep_files=True)
            written = self.log_file.read_text(errors="replace")[-4000:]
            raise SandboxFailedError(f"`{shlex.join(command)}` did not become ready. It wrote:\n{written}")
        self.ready = json.loads(line)

    @staticmethod
    def _first_line(process: subprocess.Popen[bytes]) -> bytes:
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            return process.stdout.readline() if selector.select(_READY_SECONDS) else b""

    def stop(self, *, keep_files: bool = False) -> int:
        """Stop the process and all that it started.

        Args:
            keep_files: Leave a temporary state directory in place.

        Returns:
            Its exit code: 0 when it stopped cleanly.
        """
        process, self._process = self._process, None
        code = 0
        if process is not None:
            process.send_signal(signal.SIGTERM)
            try:
                code = process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
        if self._temporary is not None and not keep_files:
            self._temporary.cleanup()
        return code

    @property
    def pid(self) -> int:
        """Process id of the sandbox."""
        assert self._process is not None, "the sandbox has not been started"
        return self._process.pid

    @property
    def aws_endpoint(self) -> str:
        """URL of the AWS API (`AWS_ENDPOINT_URL`)."""
        return str(self.ready["aws_endpoint"])

    @property
    def internet_endpoint(self) -> str:
        """URL of the AWS API as seen from the internet: the cluster's own endpoint cannot be reached there."""
        return str(self.ready["internet_endpoint"])

    @property
    def kubernetes_endpoint(self) -> str:
        """URL of the Kubernetes API."""
        return str(self.ready["kubernetes_endpoint"])

    @property
    def control_plane(self) -> str:
        """Which control plane runs: `embedded` or `real`."""
        return str(self.ready["control_plane"])

    @property
    def env(self) -> dict[str, str]:
        """What `env.sh` exports."""
        return self.environment("env.sh")

    def environment(self, name: str) -> dict[str, str]:
        """What one of the sandbox's env files exports.

        Args:
            name: `env.sh`, `env-vpc.sh` or `env-internet.sh`.
        """
        exported = {}
        for line in (self.state_dir / name).read_text().splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["export"]:
                variable, _, value = words[1].partition("=")
                exported[variable] = value
        return exported

    def reset(self) -> None:
        """Bring the account, the cluster and the registries back to the state just after the start."""
        self._request("POST", "/_sandbox/reset")

    def calls(self) -> list[dict[str, Any]]:
        """AWS, Kubernetes and private registry calls since start, reset or `clear_calls`, in time order.

        Each has `service`, `operation`, `mutating`, `status` and `user`; those of Kubernetes have the service
        `kubernetes` and an operation such as `POST /api/v1/namespaces`, those of the registry the service `registry`
        and an operation such as `PUT /v2/NAME/manifests/TAG`.
        """
        calls = self._request("GET", "/_sandbox/calls")
        assert isinstance(calls, list)
        return calls

    def authorizations(self) -> list[dict[str, Any]]:
        """What was asked of the callers' policies since start, reset or `clear_calls`, with the setting `iam_policies`.

        Each has `principal`, `action`, `resource`, `context` and `decision`.
        """
        evaluations = self._request("GET", "/_sandbox/authorizations")
        assert isinstance(evaluations, list)
        return evaluations

    def clear_calls(self) -> None:
        """Forget the calls made so far."""
        self._request("POST", "/_sandbox/calls/clear")

    def fault(self, **fault: Any) -> None:
        """Let AWS calls fail, for example `fault(service="batch", operation="SubmitJob", status=429, times=2)`."""
        self._request("POST", "/_sandbox/faults", fault)

    def kubernetes_fault(self, **fault: Any) -> None:
        """Let calls of the embedded control plane fail; a real one cannot be made to.

        For example `kubernetes_fault(match={"method": "POST"}, status=500, times=1)`.
        """
        self._request("POST", "/_sandbox/kubernetes/faults", fault)

    def clear_faults(self) -> None:
        """Let all calls through again."""
        self._request("DELETE", "/_sandbox/faults")
        if self.control_plane == "embedded":
            self._request("DELETE", "/_sandbox/kubernetes/faults")

    def settings(self, **settings: Any) -> dict[str, Any]:
        """Change delays and quirks, for example `settings(list_jobs_delay=5)`; gives all of them."""
        if settings:
            return dict(self._request("POST", "/_sandbox/settings", settings))
        return dict(self._request("GET", "/_sandbox/settings"))

    def authentication_mode(self, mode: str) -> None:
        """Have the cluster be as if it had been created in a mode, such as `authentication_mode("CONFIG_MAP")`."""
        self._request("POST", "/_sandbox/authentication-mode", mode)

    def launch_node(
        self,
        instance_profile: str,
        *,
        instance_type: str = "m5.large",
        labels: Mapping[str, str] | None = None,
        taints: Sequence[Mapping[str, str]] = (),
    ) -> str:
        """Start an instance that joins the cluster, as people have who run their own node groups.

        Args:
            instance_profile: Name or ARN of its instance profile.
            instance_type: EC2 instance type.
            labels: Labels of its Node object.
            taints: Taints of its Node object.

        Returns:
            The instance id.
        """
        parameters = {
            "instance_profile": instance_profile,
            "instance_type": instance_type,
            "subnet_id": self.env["SUBNETS"].partition(",")[0],
            "labels": dict(labels or {}),
            "taints": [dict(taint) for taint in taints],
        }
        return str(self._request("POST", "/_sandbox/nodes", parameters)["instance_id"])

    def node(self, instance_id: str) -> dict[str, Any]:
        """State of an instance: `phase` (`pending`, `joined`, `refused`), `node_name`, `reason`, ..."""
        return dict(self._request("GET", f"/_sandbox/nodes/{instance_id}"))

    def terminate_node(self, instance_id: str) -> None:
        """End an instance; its Node object and its pods go with it."""
        self._request("DELETE", f"/_sandbox/nodes/{instance_id}")

    def _request(self, method: str, path: str, document: object = None) -> Any:
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(  # noqa: S310 (the URL is the sandbox's own)
            self.aws_endpoint + path, data=body, method=method, headers={"Content-Type": "application/json"}
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=_REQUEST_SECONDS) as response:
            return json.load(response)

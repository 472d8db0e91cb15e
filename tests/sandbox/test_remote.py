"""A sandbox in its own process: what it writes, what stock tools make of it, how it ends."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from sandbox.remote import RemoteSandbox, SandboxFailedError


def below(directory):
    """Processes that have something to do with a state directory."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if str(directory) in command or (process / "cwd").readlink().is_relative_to(directory):
                found[int(process.name)] = command
        except OSError:
            continue
    found.pop(os.getpid(), None)
    return found


def shell(sandbox, script, name="env.sh"):
    """Run a script in a shell that has read one of the env files, with a person's own settings in the way."""
    tools = Path(sys.executable).parent
    environment = {
        "PATH": f"{os.environ['PATH']}:{tools}",
        "HOME": str(sandbox.state_dir),
        "AWS_PROFILE": "mine",
        "AWS_SESSION_TOKEN": "stale",
        "UPSTREAM_IMAGE": "left/over",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }
    command = ["bash", "-euc", f". {sandbox.state_dir}/{name}; {script}"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def busy(sandbox, make_tools, eventually):
    """Have a job's pod run in a sandbox; gives the ids of all its processes."""
    tools = make_tools(sandbox)
    image = tools.push_image("app")
    tools.map_role("EksBatchNodeRole")
    instance_id = sandbox.launch_node("EksBatchInstanceProfile")
    eventually(lambda: sandbox.node(instance_id)["phase"] == "joined")
    container = {"name": "c", "image": image, "command": ["sh", "-c", "trap '' TERM; sleep 65 & sleep 66"]}
    spec = {"nodeName": sandbox.node(instance_id)["node_name"], "restartPolicy": "Never", "containers": [container]}
    tools.core.create_namespaced_pod("default", {"metadata": {"name": "busy"}, "spec": spec})
    eventually(lambda: sum("sleep 6" in command for command in below(sandbox.state_dir).values()) >= 2)


@pytest.fixture
def own_sandbox(sandbox, tmp_path):
    """A second sandbox, which a test may end as it likes."""
    own = RemoteSandbox(tmp_path / "state dir", control_plane=sandbox.control_plane)
    own.start()
    yield own
    own.stop()


class TestEnding:
    def test_sigterm_ends_it_cleanly_with_all_that_it_started(self, own_sandbox, make_tools, eventually):
        busy(own_sandbox, make_tools, eventually)
        assert own_sandbox.stop() == 0
        assert below(own_sandbox.state_dir) == {}
        assert own_sandbox.log_file.read_text() == ""
        assert not (own_sandbox.state_dir / ".sandbox").exists()

    def test_sigkill_leaves_nothing_behind_and_sigint_is_as_good_as_sigterm(self, own_sandbox, make_tools, eventually):
        busy(own_sandbox, make_tools, eventually)
        os.kill(own_sandbox.pid, signal.SIGKILL)
        eventually(lambda: not below(own_sandbox.state_dir))

        with RemoteSandbox(own_sandbox.state_dir, control_plane=own_sandbox.control_plane) as again:
            assert make_tools(again).core.list_namespaced_pod("default").items == []
            assert make_tools(again).aws("ecr").describe_repositories()["repositories"] == []
            os.kill(again.pid, signal.SIGINT)
            eventually(lambda: not below(again.state_dir))
            assert again.stop() == 0

    def test_it_ends_with_who_started_it(self, tmp_path, eventually):
        program = (
            "import sys, time, pathlib; from sandbox.remote import RemoteSandbox\n"
            "sandbox = RemoteSandbox(pathlib.Path(sys.argv[1]), control_plane='embedded'); sandbox.start()\n"
            "print('up', flush=True); time.sleep(60)"
        )
        command = [sys.executable, "-c", program, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout is not None
            assert parent.stdout.readline() == "up\n"
            parent.kill()
        eventually(lambda: not below(tmp_path))


def test_a_sandbox_that_cannot_start_says_why(tmp_path):
    (tmp_path / ".sandbox").write_text("in the way")
    with pytest.raises(SandboxFailedError, match="FileExistsError"):
        RemoteSandbox(tmp_path, control_plane="embedded").start()
    assert below(tmp_path) == {}


class TestEnvironment:
    def test_stock_aws_is_the_admin(self, clean_sandbox):
        answer = shell(clean_sandbox, "aws sts get-caller-identity --query Arn --output text")
        assert answer.stdout == "arn:aws:iam::123456789012:user/admin\n", answer.stderr

    def test_stock_kubectl_with_the_exec_plugin(self, clean_sandbox):
        answer = shell(clean_sandbox, "kubectl get namespaces --output name")
        assert "namespace/kube-system" in answer.stdout.splitlines(), answer.stderr

    def test_update_kubeconfig_leads_there_too(self, clean_sandbox):
        script = (
            "export KUBECONFIG=$HOME/own; aws eks update-kubeconfig --name $EKS_CLUSTER >/dev/null;"
            " kubectl get configmap aws-auth --namespace kube-system --output name"
        )
        assert shell(clean_sandbox, script).stdout == "configmap/aws-auth\n"

    def test_everything_that_is_promised_is_exported(self, sandbox):
        env = sandbox.env
        assert env["AWS_ENDPOINT_URL"] == sandbox.aws_endpoint
        assert env["AWS_REGION"] == env["AWS_DEFAULT_REGION"] == "us-east-1"
        assert env["AWS_ACCOUNT_ID"] == "123456789012"
        assert env["EKS_CLUSTER"] == "my-test-cluster"
        assert env["UPSTREAM_IMAGE"] == f"{sandbox.ready['upstream_registry']}/amazonlinux/amazonlinux:2"
        assert env["PRIVATE_REGISTRY"] == sandbox.ready["private_registry"]
        hosts = dict(each.split("=", 1) for each in env["REGISTRY_HOSTS"].split(","))
        assert hosts == {
            "public.ecr.aws": f"http://{sandbox.ready['upstream_registry']}",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com": f"http://{sandbox.ready['private_registry']}",
        }
        assert set(env) >= {"KUBECONFIG", "SUBNETS", "SECURITY_GROUP", "INSTANCE_PROFILE", "NODE_ROLE"}

    def test_in_the_vpc_there_is_no_public_registry(self, sandbox):
        env = sandbox.environment("env-vpc.sh")
        assert "UPSTREAM_IMAGE" not in env
        assert env["KUBECONFIG"] == sandbox.env["KUBECONFIG"]
        assert shell(sandbox, "echo ${UPSTREAM_IMAGE-unset}", "env-vpc.sh").stdout == "unset\n"
        hosts = dict(each.split("=", 1) for each in env["REGISTRY_HOSTS"].split(","))
        command = f"curl --silent --noproxy '*' --connect-timeout 0.3 {hosts['public.ecr.aws']}/v2/"
        assert shell(sandbox, command, "env-vpc.sh").returncode == 28  # curl: operation timed out
        # The private one is seen from there by whichever of its names it is called.
        private = hosts[env["PRIVATE_REGISTRY"]]
        assert private == hosts["123456789012.dkr.ecr.us-east-1.amazonaws.com"] != f"http://{env['PRIVATE_REGISTRY']}"
        assert shell(sandbox, f"curl --silent --noproxy '*' {private}/v2/", "env-vpc.sh").stdout == "Not Authorized\n"

    def test_on_the_internet_there_is_no_kubernetes(self, sandbox):
        answer = shell(sandbox, "aws sts get-caller-identity --query Arn --output text", "env-internet.sh")
        assert answer.stdout == "arn:aws:iam::123456789012:user/admin\n"
        answer = shell(sandbox, "kubectl get namespaces --request-timeout=500ms", "env-internet.sh")
        assert answer.returncode != 0
        # Go's three names of a time-out, by where it was noticed.
        assert re.search("Client.Timeout exceeded|i/o timeout|context deadline exceeded", answer.stderr)

    def test_skopeo_with_the_registries_file(self, clean_sandbox):
        script = "command -v skopeo >/dev/null || exit 99; " + (
            "skopeo --registries-conf $CONTAINERS_REGISTRIES_CONF inspect --raw docker://public.ecr.aws/amazonlinux/amazonlinux:2"
        )
        answer = shell(clean_sandbox, script)
        if answer.returncode == 99:
            pytest.skip("skopeo is not installed")
        assert json.loads(answer.stdout)["schemaVersion"] == 2


class TestReset:
    def test_everything_is_as_at_the_start(self, clean_sandbox, tools):
        before = clean_sandbox.env
        tools.push_image("something")
        tools.core.create_namespace({"metadata": {"name": "something"}})
        tools.core.delete_namespaced_config_map("aws-auth", "kube-system")
        tools.aws("ec2").create_vpc(CidrBlock="10.0.0.0/16")
        tools.aws("iam").delete_access_key(UserName="admin", AccessKeyId=before["AWS_ACCESS_KEY_ID"])
        clean_sandbox.fault(service="eks", operation="ListClusters", status=500)
        clean_sandbox.settings(list_jobs_delay=5)

        clean_sandbox.reset()
        assert clean_sandbox.calls() == []
        assert clean_sandbox.settings()["list_jobs_delay"] == 0
        assert tools.aws("sts").get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:user/admin"
        assert tools.aws("eks").list_clusters()["clusters"] == ["my-test-cluster"]
        assert tools.aws("ecr").describe_repositories()["repositories"] == []
        network = tools.aws("eks").describe_cluster(name="my-test-cluster")["cluster"]["resourcesVpcConfig"]
        assert ",".join(network["subnetIds"]) == before["SUBNETS"]
        assert network["clusterSecurityGroupId"] == before["SECURITY_GROUP"]
        names = {each.metadata.name for each in tools.core.list_namespace().items}
        assert names == {"default", "kube-system", "kube-public", "kube-node-lease"}
        assert "mapRoles" in tools.core.read_namespaced_config_map("aws-auth", "kube-system").data

    def test_running_pods_end(self, clean_sandbox, make_tools, eventually):
        busy(clean_sandbox, make_tools, eventually)
        clean_sandbox.reset()
        eventually(lambda: not any("sleep 6" in command for command in below(clean_sandbox.state_dir).values()))
        assert make_tools(clean_sandbox).core.list_node().items == []


class TestControl:
    def test_calls_of_both_apis_in_order(self, clean_sandbox, tools):
        tools.core.list_namespace()
        clean_sandbox.clear_calls()
        tools.aws("eks").list_clusters()
        tools.core.create_namespace({"metadata": {"name": "made"}})
        tools.core.create_namespace({"metadata": {"name": "dry"}}, dry_run="All")
        tools.aws("iam").create_user(UserName="new")
        calls = [(each["service"], each["operation"], each["mutating"]) for each in clean_sandbox.calls()]
        assert calls == [
            ("eks", "ListClusters", False),
            ("kubernetes", "POST /api/v1/namespaces", True),
            ("kubernetes", "POST /api/v1/namespaces?dryRun=All", False),
            ("iam", "CreateUser", True),
        ]
        users = {each["service"]: each["user"] for each in clean_sandbox.calls()}
        assert users["kubernetes"] == "kubernetes-admin"
        assert users["iam"] == "arn:aws:iam::123456789012:user/admin"

    def test_calls_of_the_private_registry(self, clean_sandbox, tools):
        tools.aws("ecr").create_repository(repositoryName="pushed")
        clean_sandbox.clear_calls()
        tools.push_image("pushed")
        calls = [each for each in clean_sandbox.calls() if each["service"] == "registry"]
        assert [(each["operation"], each["mutating"], each["status"]) for each in calls][-1] == (
            "PUT /v2/pushed/manifests/1",
            True,
            201,
        )
        clean_sandbox.clear_calls()
        registry = clean_sandbox.env["PRIVATE_REGISTRY"]
        assert httpx.get(f"http://{registry}/v2/pushed/tags/list").status_code == 401
        (call,) = clean_sandbox.calls()
        assert (call["operation"], call["mutating"], call["status"]) == ("GET /v2/pushed/tags/list", False, 401)

    def test_aws_faults(self, clean_sandbox, tools):
        clean_sandbox.fault(
            service="eks", operation="ListClusters", status=403, code="AccessDeniedException", message="no"
        )
        eks = tools.aws("eks")
        with pytest.raises(eks.exceptions.ClientError, match="AccessDeniedException"):
            eks.list_clusters()
        clean_sandbox.clear_faults()
        assert eks.list_clusters()["clusters"]

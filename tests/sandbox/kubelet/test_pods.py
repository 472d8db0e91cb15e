import datetime
import time
from pathlib import Path

import pytest
from kubernetes.client import ApiException

PUBLIC_IMAGE = "public.ecr.aws/amazonlinux/amazonlinux:2"
TIMEOUT = (
    f'Failed to pull image "{PUBLIC_IMAGE}": rpc error: code = Unknown desc = failed to pull and unpack image '
    f'"{PUBLIC_IMAGE}": failed to resolve reference "{PUBLIC_IMAGE}": failed to do request: Head '
    '"https://public.ecr.aws/v2/amazonlinux/amazonlinux/manifests/2": dial tcp: i/o timeout'
)


class Cluster:
    """One joined node and an image; pods are bound to the node by name, as AWS Batch does."""

    def __init__(self, sandbox, tools, eventually):
        self.sandbox = sandbox
        self.tools = tools
        self.core = tools.core
        self.eventually = eventually
        self.image = tools.push_image("app", Entrypoint=["sh", "-c"], Cmd=["echo from the image"])
        tools.map_role("EksBatchNodeRole")
        self.instance_id = sandbox.launch_node("EksBatchInstanceProfile")
        eventually(lambda: sandbox.node(self.instance_id)["phase"] == "joined")
        self.node_name = sandbox.node(self.instance_id)["node_name"]
        self.made = 0

    def run(self, *containers, **spec):
        """Create a pod and give its name; a container is a shell script or a dictionary."""
        self.made += 1
        name = f"pod-{self.made}"
        made = [self.container(each, number) for number, each in enumerate(containers)]
        body = {
            "metadata": {"name": name},
            "spec": {"nodeName": self.node_name, "restartPolicy": "Never", "containers": made, **spec},
        }
        self.core.create_namespaced_pod("default", body)
        return name

    def container(self, given, number=0):
        given = given if isinstance(given, dict) else {"command": ["sh", "-c", given]}
        return {"name": f"c{number}", "image": self.image, **given}

    def pod(self, name):
        return self.core.read_namespaced_pod(name, "default")

    def until(self, name, *phases):
        return self.eventually(lambda: (pod := self.pod(name)).status.phase in phases and pod)

    def waiting(self, name, reason):
        def question():
            status = (self.pod(name).status.container_statuses or [None])[0]
            return status and status.state.waiting and status.state.waiting.reason == reason and status.state.waiting

        return self.eventually(question)

    def log(self, name, **options):
        return self.core.read_namespaced_pod_log(name, "default", **options)

    def events(self, name):
        listed = self.core.list_namespaced_event("default", field_selector=f"involvedObject.name={name}").items
        return [(event.type, event.reason, event.message) for event in listed]


@pytest.fixture(scope="module")
def cluster(sandbox, make_tools, eventually):
    sandbox.reset()
    yield Cluster(sandbox, make_tools(sandbox), eventually)
    sandbox.reset()


def test_a_pod_runs_to_its_end(cluster):
    name = cluster.run("echo hello; echo trouble >&2")
    pod = cluster.until(name, "Succeeded", "Failed")
    assert pod.status.phase == "Succeeded"
    ended = pod.status.container_statuses[0].state.terminated
    assert (ended.exit_code, ended.reason) == (0, "Completed")
    assert cluster.log(name) == "hello\ntrouble\n"
    assert pod.status.container_statuses[0].image_id.startswith(cluster.image.removesuffix(":1") + "@sha256:")
    conditions = {each.type: (each.status, each.reason) for each in pod.status.conditions}
    assert conditions["Ready"] == ("False", "PodCompleted")
    assert conditions["PodScheduled"][0] == "True"


def test_the_kubelet_tells_what_it_does_in_events(cluster):
    image = cluster.tools.push_image("events")
    name = cluster.run({"image": image, "command": ["true"]})
    cluster.until(name, "Succeeded")
    events = cluster.eventually(lambda: len(found := cluster.events(name)) == 4 and found)
    told = {reason: (kind, message) for kind, reason, message in events}
    assert told["Pulling"] == ("Normal", f'Pulling image "{image}"')
    assert told["Pulled"][1].startswith(f'Successfully pulled image "{image}" in ')
    assert told["Created"] == ("Normal", "Created container: c0")
    assert told["Started"] == ("Normal", "Started container c0")


def test_a_failing_command(cluster):
    pod = cluster.until(cluster.run("exit 7"), "Succeeded", "Failed")
    assert pod.status.phase == "Failed"
    ended = pod.status.container_statuses[0].state.terminated
    assert (ended.exit_code, ended.reason) == (7, "Error")


def test_a_killed_command(cluster):
    pod = cluster.until(cluster.run("kill -9 $$$$"), "Succeeded", "Failed")
    assert pod.status.container_statuses[0].state.terminated.exit_code == 137


@pytest.mark.parametrize(
    ("program", "cause"),
    [
        ("no-such-program", "executable file not found in $PATH"),
        ("/no/such", "stat /no/such: no such file or directory"),
        ("{state_dir}/env.sh", "permission denied"),
    ],
)
def test_a_command_that_cannot_be_started(cluster, program, cause):
    program = program.format(state_dir=cluster.sandbox.state_dir)
    name = cluster.run({"command": [program]})
    ended = cluster.until(name, "Failed").status.container_statuses[0].state.terminated
    assert (ended.exit_code, ended.reason) == (128, "StartError")
    assert ended.message.endswith(f'exec: "{program}": {cause}: unknown')
    assert ("Warning", "Failed", f"Error: {ended.message}") in cluster.events(name)


def test_an_image_s_own_command(cluster):
    name = cluster.run({})
    cluster.until(name, "Succeeded")
    assert cluster.log(name) == "from the image\n"


def test_the_environment_is_the_container_s_own(cluster):
    name = cluster.run(
        {
            "command": ["env"],
            "env": [{"name": "GREETING", "value": "hi"}, {"name": "TWICE", "value": "$(GREETING)$(GREETING)"}],
        }
    )
    cluster.until(name, "Succeeded")
    variables = dict(line.split("=", 1) for line in cluster.log(name).splitlines())
    assert variables.pop("PATH")
    assert variables == {"GREETING": "hi", "TWICE": "hihi"}


def test_the_working_directory_is_none_of_this_machine_s(cluster):
    name = cluster.run({"command": ["sh", "-c", "pwd; touch left-behind"], "workingDir": "/etc"})
    cluster.until(name, "Succeeded")
    assert cluster.log(name).strip().endswith("/root/etc")
    assert not Path("/etc/left-behind").exists()


def test_a_public_image_never_starts(cluster):
    name = cluster.run({"image": PUBLIC_IMAGE, "command": ["sleep", "60"]})
    assert cluster.waiting(name, "ErrImagePull").message == TIMEOUT.partition(": ")[2]
    assert "Back-off pulling image" in cluster.waiting(name, "ImagePullBackOff").message
    assert cluster.pod(name).status.phase == "Pending"
    events = cluster.events(name)
    assert ("Warning", "Failed", TIMEOUT) in events
    assert ("Warning", "Failed", "Error: ImagePullBackOff") in events
    assert ("Normal", "BackOff", f'Back-off pulling image "{PUBLIC_IMAGE}"') in events
    with pytest.raises(ApiException) as refusal:
        cluster.log(name)
    assert refusal.value.status == 400
    assert "is waiting to start" in refusal.value.body


def test_a_pod_starts_once_its_image_has_arrived(cluster):
    late = cluster.image.replace("/app:1", "/late:1")
    name = cluster.run({"image": late, "command": ["echo", "at last"]})
    cluster.waiting(name, "ImagePullBackOff")
    cluster.tools.push_image("late")
    cluster.until(name, "Succeeded")
    assert cluster.log(name) == "at last\n"


def test_a_name_that_is_no_image(cluster):
    name = cluster.run({"image": "UPPER/Case", "command": ["true"]})
    assert "invalid reference format" in cluster.waiting(name, "InvalidImageName").message


def test_an_image_that_may_not_be_pulled(cluster):
    image = cluster.tools.push_image("never")
    name = cluster.run({"image": image, "command": ["true"], "imagePullPolicy": "Never"})
    cluster.waiting(name, "ErrImageNeverPull")


def test_an_image_that_is_there_is_not_pulled_again(cluster):
    image = cluster.tools.push_image("kept")
    for expected in ("Successfully pulled image", f'Container image "{image}" already present on machine'):
        name = cluster.run({"image": image, "command": ["true"]})
        cluster.until(name, "Succeeded")
        assert any(message.startswith(expected) for _, reason, message in cluster.events(name) if reason == "Pulled")


def test_init_containers_run_first_and_in_order(cluster):
    script = "date +%s%N; sleep 0.1"
    init = [
        {**cluster.container(script), "name": "first"},
        {**cluster.container(script), "name": "second"},
    ]
    name = cluster.run("date +%s%N", initContainers=init)
    pod = cluster.until(name, "Succeeded", "Failed")
    times = [int(cluster.log(name, container=each)) for each in ("first", "second", "c0")]
    assert times == sorted(times)
    assert all(each.ready for each in pod.status.init_container_statuses)


def test_a_failing_init_container_ends_the_pod(cluster):
    name = cluster.run("echo never", initContainers=[{**cluster.container("exit 3"), "name": "init"}])
    pod = cluster.until(name, "Failed")
    assert pod.status.init_container_statuses[0].state.terminated.exit_code == 3
    assert pod.status.container_statuses[0].state.waiting.reason == "PodInitializing"
    initialized = next(each for each in pod.status.conditions if each.type == "Initialized")
    assert (initialized.status, initialized.reason) == ("False", "ContainersNotInitialized")


def test_containers_of_a_pod_run_at_the_same_time(cluster):
    name = cluster.run("sleep 0.3", "exit 4")
    pod = cluster.until(name, "Succeeded", "Failed")
    assert pod.status.phase == "Failed"
    codes = {each.name: each.state.terminated.exit_code for each in pod.status.container_statuses}
    assert codes == {"c0": 0, "c1": 4}


class TestLogs:
    def test_following_shows_lines_while_the_container_runs(self, cluster):
        name = cluster.run("echo first; until test -e go; do sleep 0.05; done; echo last")
        cluster.until(name, "Running")
        stream = cluster.log(name, follow=True, _preload_content=False).stream(decode_content=True)
        assert next(stream) == b"first\n"
        assert cluster.pod(name).status.phase == "Running"
        self.release(cluster, name)
        assert b"".join(stream) == b"last\n"

    def release(self, cluster, name):
        """Make the file that the container waits for, in the directory that stands for its file system."""
        uid = cluster.pod(name).metadata.uid
        [root] = cluster.sandbox.state_dir.glob(f".sandbox/nodes/*/{uid}/c0/root")
        (root / "go").touch()

    def test_what_of_it(self, cluster):
        name = cluster.run("echo one; echo two; sleep 1.2; echo three; printf four")
        cluster.until(name, "Succeeded")
        assert cluster.log(name) == "one\ntwo\nthree\nfour"
        assert cluster.log(name, tail_lines=2) == "three\nfour"
        assert cluster.log(name, limit_bytes=5) == "one\nt"
        assert cluster.log(name, follow=True, tail_lines=1) == "four"
        stamped = cluster.log(name, timestamps=True).splitlines()
        times = [datetime.datetime.fromisoformat(line.split(" ")[0]) for line in stamped]
        assert times == sorted(times)
        assert [line.split(" ")[1] for line in stamped] == ["one", "two", "three", "four"]

    def test_of_a_container_that_the_pod_does_not_have(self, cluster):
        name = cluster.run("true")
        cluster.until(name, "Succeeded")
        with pytest.raises(ApiException) as refusal:
            cluster.log(name, container="nope")
        assert refusal.value.status == 400


def running_below(directory):
    """Ids of the processes whose working directory lies in a directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(directory):
                found.append(int(process.name))
        except OSError:
            continue
    return found


class TestEnding:
    def start(self, cluster, script):
        name = cluster.run(script)
        uid = cluster.until(name, "Running").metadata.uid
        [directory] = cluster.sandbox.state_dir.glob(f".sandbox/nodes/*/{uid}")
        cluster.eventually(lambda: "ready" in cluster.log(name))
        assert running_below(directory)
        return name, directory

    def gone(self, cluster, name):
        def question():
            try:
                cluster.pod(name)
            except ApiException as error:
                return error.status == 404
            return False

        cluster.eventually(question)

    def test_a_deleted_pod_is_asked_to_end(self, cluster):
        marker = cluster.sandbox.state_dir / "asked"
        name, directory = self.start(cluster, f"trap 'echo TERM > {marker}; exit 0' TERM; echo ready; sleep 60 & wait")
        cluster.core.delete_namespaced_pod(name, "default")
        self.gone(cluster, name)
        assert marker.read_text() == "TERM\n"
        assert not running_below(directory)
        assert ("Normal", "Killing", "Stopping container c0") in cluster.events(name)

    def test_who_does_not_listen_is_killed_with_all_that_he_started(self, cluster):
        name, directory = self.start(cluster, "trap '' TERM; sleep 61 & echo ready; while :; do sleep 62; done")
        begun = time.monotonic()
        cluster.core.delete_namespaced_pod(name, "default", grace_period_seconds=1)
        self.gone(cluster, name)
        cluster.eventually(lambda: not running_below(directory))
        assert time.monotonic() - begun >= 0.9

    def test_what_a_command_leaves_running_ends_with_it(self, cluster):
        name = cluster.run("sleep 63 & echo ready")
        uid = cluster.until(name, "Succeeded").metadata.uid
        [directory] = cluster.sandbox.state_dir.glob(f".sandbox/nodes/*/{uid}")
        assert not running_below(directory)

    def test_a_terminated_instance_takes_its_pods_along(self, cluster, sandbox, eventually):
        instance_id = sandbox.launch_node("EksBatchInstanceProfile")
        eventually(lambda: sandbox.node(instance_id)["phase"] == "joined")
        node_name = sandbox.node(instance_id)["node_name"]
        name = cluster.run("echo ready; sleep 64", nodeName=node_name)
        uid = cluster.until(name, "Running").metadata.uid
        [directory] = sandbox.state_dir.glob(f".sandbox/nodes/*/{uid}")
        sandbox.terminate_node(instance_id)
        self.gone(cluster, name)
        assert not running_below(directory)

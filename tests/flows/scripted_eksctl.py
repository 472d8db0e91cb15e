"""An eksctl that behaves as the documented one, with the sandbox's EKS and CloudFormation behind it.

It takes the commands that the flows run, prints lines such as eksctl's, and leaves the same stacks behind. A file
beside it, `script.json`, says what goes wrong: `version`, `die_after` (`stack`, `cluster`), `fail` and `hang`. What it
was told, and with whose key, is kept in `calls.jsonl`. One difference: the sandbox's CloudFormation makes no cluster,
so that it makes the cluster itself.
"""

import json
import os
import signal
import sys
from pathlib import Path

import boto3
import yaml

HERE = Path(sys.argv[0]).resolve().parent
SCRIPT = json.loads((HERE / "script.json").read_text())
QUEUE = '{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}'
ROLE = "arn:aws:iam::123456789012:role/eksctl-made"


def say(text: str, sign: str = "ℹ") -> None:
    """Print a line as eksctl does."""
    print(f"2026-11-28 12:00:00 [{sign}]  {text}", flush=True)


def die_after(what: str) -> None:
    """Die as the out-of-memory killer would have it, if the script says so."""
    if SCRIPT.get("die_after") == what:
        os.kill(os.getpid(), signal.SIGKILL)


def create_stack(name: str) -> None:
    """Begin a stack; eksctl fails where there is one."""
    say(f'deploying stack "{name}"')
    boto3.client("cloudformation").create_stack(StackName=name, TemplateBody=QUEUE)


def create_cluster(document: dict) -> None:  # type: ignore[type-arg]
    """`eksctl create cluster -f`."""
    name = document["metadata"]["name"]
    say(f"using region {document['metadata']['region']}")
    create_stack(f"eksctl-{name}-cluster")
    die_after("stack")
    eks = boto3.client("eks")
    subnets = os.environ["SUBNETS"].split(",")
    network = {"subnetIds": subnets, "endpointPublicAccess": False, "endpointPrivateAccess": True}
    eks.create_cluster(name=name, roleArn=ROLE, resourcesVpcConfig=network)  # type: ignore[arg-type]
    die_after("cluster")
    create_node_groups(document)
    say(f'EKS cluster "{name}" in "{document["metadata"]["region"]}" region is ready', "✔")


def create_node_groups(document: dict) -> None:  # type: ignore[type-arg]
    """`eksctl create nodegroup -f`: those that exist are left out."""
    name, eks = document["metadata"]["name"], boto3.client("eks")
    existing = eks.list_nodegroups(clusterName=name)["nodegroups"]
    if existing:
        say(f"{len(existing)} existing nodegroup(s) ({','.join(existing)}) will be excluded")
    for group in document["managedNodeGroups"]:
        if group["name"] not in existing:
            create_stack(f"eksctl-{name}-nodegroup-{group['name']}")
            subnets = os.environ["SUBNETS"].split(",")
            eks.create_nodegroup(clusterName=name, nodegroupName=group["name"], nodeRole=ROLE, subnets=subnets)


def delete_cluster(name: str) -> None:
    """`eksctl delete cluster --name --wait`."""
    eks, stacks = boto3.client("eks"), boto3.client("cloudformation")
    if name in eks.list_clusters()["clusters"]:
        for group in eks.list_nodegroups(clusterName=name)["nodegroups"]:
            eks.delete_nodegroup(clusterName=name, nodegroupName=group)
            stacks.delete_stack(StackName=f"eksctl-{name}-nodegroup-{group}")
        eks.delete_cluster(name=name)
    stacks.delete_stack(StackName=f"eksctl-{name}-cluster")
    say("all cluster resources were deleted", "✔")


def main() -> None:
    """Do what the arguments say."""
    arguments = sys.argv[1:]
    if arguments == ["version"]:
        print(SCRIPT.get("version", "0.215.0"))
        return
    options = dict(one.removeprefix("--").split("=", 1) for one in arguments if one.startswith("--") and "=" in one)
    file = Path(arguments[arguments.index("-f") + 1]) if "-f" in arguments else None
    mode = oct(file.stat().st_mode & 0o777) if file else ""
    with (HERE / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps({"command": arguments[:2], "mode": mode, "key": os.environ["AWS_ACCESS_KEY_ID"]}) + "\n")
    if SCRIPT.get("fail"):
        for number in range(100):
            say(f"line {number}")
        say(f"{SCRIPT['fail']}", "✖")
        print(f"Error: {SCRIPT['fail']}", file=sys.stderr)
        sys.exit(1)
    if SCRIPT.get("hang"):
        say("building the cluster")
        (HERE / "hangs").write_text(str(os.getpid()))
        signal.pause()
    if arguments[:2] == ["delete", "cluster"]:
        delete_cluster(options["name"])
        return
    document = yaml.safe_load(file.read_text() if file else "")
    {"cluster": create_cluster, "nodegroup": create_node_groups}[arguments[1]](document)


if __name__ == "__main__":
    main()

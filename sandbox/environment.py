"""The files that people, tools and tests read to find the sandbox."""

import base64
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.aws.account import Account
from sandbox.names import ACCOUNT_ID, CLUSTER_ARN, CLUSTER_NAME, REGION

_PRIVATE_HOST = f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com"
UPSTREAM_HOST = "public.ecr.aws"
_UPSTREAM_REPOSITORY = "amazonlinux/amazonlinux"
# A person's own settings that would lead stock tools past the sandbox.
_UNSET = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CA_BUNDLE", "UPSTREAM_IMAGE")


@dataclass(frozen=True)
class Addresses:
    """Where the sandbox listens.

    Attributes:
        aws: URL of the AWS API inside the VPC.
        aws_from_internet: URL of the same from the internet.
        kubernetes: URL of the Kubernetes API.
        upstream_registry: `host:port` of the registry that plays public.ecr.aws.
        private_registry: `host:port` of the private ECR.
        private_registry_from_vpc: Where the same is reached without a route to the internet.
        unreachable: `host:port` that accepts no connection.
    """

    aws: str
    aws_from_internet: str
    kubernetes: str
    upstream_registry: str
    private_registry: str
    private_registry_from_vpc: str
    unreachable: str


def write_files(state_dir: Path, addresses: Addresses, account: Account, ca_pem: str) -> None:
    """Write `env.sh`, `env-vpc.sh`, `env-internet.sh`, the kubeconfigs, `registries.conf` and `ca.pem`.

    The three positions are those of a worker on one network, on the private one, and on the internet: the VPC has no
    way to public.ecr.aws, and so pulls nothing through ECR's cache that is not in it; the internet has none to the
    Kubernetes API. What cannot be reached times out, as packets do that a security group drops.
    """
    (state_dir / "ca.pem").write_text(ca_pem)
    kubeconfig = state_dir / "kubeconfig"
    kubeconfig_internet = state_dir / "kubeconfig-internet"
    kubeconfig.write_text(_kubeconfig(addresses.kubernetes, ca_pem))
    kubeconfig_internet.write_text(_kubeconfig(f"https://{addresses.unreachable}", ca_pem))
    upstream, unreachable, private = addresses.upstream_registry, addresses.unreachable, addresses.private_registry
    image = f"{upstream}/{_UPSTREAM_REPOSITORY}:2"

    def write(suffix: str, aws: str, kubeconfig: Path, public: str, reached: str = private, **more: str) -> None:
        # Images are named by the address too, as GetAuthorizationToken gives it.
        hosts = {UPSTREAM_HOST: public, _PRIVATE_HOST: reached} | ({} if reached == private else {private: reached})
        registries = state_dir / f"registries{suffix}.conf"
        registries.write_text(_registries_conf({**hosts, public: public, private: reached}))
        environment = {
            **_environment(aws, account, private),
            "KUBECONFIG": str(kubeconfig),
            "REGISTRY_HOSTS": ",".join(f"{name}=http://{address}" for name, address in hosts.items()),
            "CONTAINERS_REGISTRIES_CONF": str(registries),
            **more,
        }
        (state_dir / f"env{suffix}.sh").write_text(_script(environment))

    write("", addresses.aws, kubeconfig, upstream, UPSTREAM_IMAGE=image)
    write("-vpc", addresses.aws, kubeconfig, unreachable, addresses.private_registry_from_vpc)
    write("-internet", addresses.aws_from_internet, kubeconfig_internet, upstream, UPSTREAM_IMAGE=image)


def _environment(aws: str, account: Account, private_registry: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": aws,
        "AWS_ACCESS_KEY_ID": account.access_key_id,
        "AWS_SECRET_ACCESS_KEY": account.secret_access_key,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCOUNT_ID": ACCOUNT_ID,
        "AWS_PAGER": "",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "EKS_CLUSTER": CLUSTER_NAME,
        "SUBNETS": ",".join(account.vpc.subnet_ids),
        "SECURITY_GROUP": account.vpc.cluster_security_group_id,
        "INSTANCE_PROFILE": account.instance_profile_arn,
        "NODE_ROLE": account.node_role_arn,
        "PRIVATE_REGISTRY": private_registry,
    }


def _script(environment: Mapping[str, str]) -> str:
    lines = [f"unset {name}" for name in _UNSET if name not in environment]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    return "\n".join(lines) + "\n"


def _kubeconfig(server: str, ca_pem: str) -> str:
    """What `aws eks update-kubeconfig` writes; JSON is YAML too."""
    command: dict[str, Any] = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": ["--region", REGION, "eks", "get-token", "--cluster-name", CLUSTER_NAME, "--output", "json"],
        "interactiveMode": "Never",
    }
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": CLUSTER_ARN,
                "cluster": {
                    "server": server,
                    "certificate-authority-data": base64.b64encode(ca_pem.encode()).decode(),
                },
            }
        ],
        "users": [{"name": CLUSTER_ARN, "user": {"exec": command}}],
        "contexts": [{"name": CLUSTER_ARN, "context": {"cluster": CLUSTER_ARN, "user": CLUSTER_ARN}}],
        "current-context": CLUSTER_ARN,
    }
    return json.dumps(document, indent=2) + "\n"


def _registries_conf(locations: Mapping[str, str]) -> str:
    """containers-registries.conf(5), for skopeo and its kin: where the names lead, and that plain http is fine."""
    tables = [
        f'[[registry]]\nprefix = "{name}"\nlocation = "{address}"\ninsecure = true\n'
        for name, address in locations.items()
    ]
    return "\n".join(tables)

"""Who an EKS bearer token belongs to, by aws-iam-authenticator's rules.

The order of the checks and the words of the refusals are those of aws-iam-authenticator (`pkg/token/token.go`,
`pkg/server/server.go`, `pkg/mapper/configmap`, `pkg/arn`), which EKS runs as the authentication webhook of every
cluster. What it asks STS is answered here from moto's STS and IAM, in the same process.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.arn import canonical
from sandbox.aws.access_entries import AccessEntry
from sandbox.aws_auth_map import AwsAuthMap, MappedIdentity
from sandbox.presigned_identity import CallerIdentity, PresignedIdentity, Refused

__all__ = ["Authenticator", "Identity", "Refused"]

_INSTANCE_ID = re.compile(r"^i-(\w{8}|\w{17})$")


@dataclass(frozen=True)
class Identity:
    """A Kubernetes user.

    Attributes:
        username: User name in RBAC.
        uid: `aws-iam-authenticator:<account>:<user or role id>`.
        groups: Groups in RBAC, without `system:authenticated`, which the API server adds.
        arn: `canonicalArn` among the extra fields: the ARN that mappings are looked up by.
    """

    username: str
    uid: str
    groups: tuple[str, ...]
    arn: str = ""


class Authenticator:
    """Resolves tokens through the cluster's creator, its access entries and its `aws-auth` ConfigMap.

    Args:
        verifier: Checks tokens and tells the AWS identity behind them.
        creator_arn: ARN of the principal that created the cluster. It is a member of `system:masters` without any
            mapping (EKS user guide, "Grant IAM users and roles access to Kubernetes APIs").
        aws_auth: Gives the data of `kube-system/aws-auth`, an empty mapping when there is none. Asked at every call.
        private_dns_name: Private DNS name of an EC2 instance (`ec2:DescribeInstances`), None when there is none.
        authentication_mode: Gives the cluster's `accessConfig.authenticationMode`. In mode `API` the ConfigMap is
            not looked at, in mode `CONFIG_MAP` the access entries are not. In the third mode an entry comes first: of
            a principal that has one, the ConfigMap's mapping is unused (EKS user guide, migrating-access-entries).
        access_entry: Gives the access entry in effect for an ARN without a path, None when there is none.
    """

    def __init__(
        self,
        verifier: PresignedIdentity,
        *,
        creator_arn: str,
        aws_auth: Callable[[], Mapping[str, str]],
        private_dns_name: Callable[[str], str | None],
        authentication_mode: Callable[[], str],
        access_entry: Callable[[str], AccessEntry | None],
    ) -> None:
        self._verifier = verifier
        self._creator_arn = creator_arn
        self._aws_auth = aws_auth
        self._private_dns_name = private_dns_name
        self._authentication_mode = authentication_mode
        self._access_entry = access_entry

    def authenticate(self, token: str) -> Identity:
        """Tell whose token this is.

        Raises:
            Refused: The token is not valid, or its owner is not mapped; str() is the authenticator's reason.
        """
        caller = self._verifier.verify(token)
        try:
            arn = canonical(caller.arn)
        except ValueError as error:
            raise Refused(f"sts getCallerIdentity failed: {error}") from error
        uid = f"aws-iam-authenticator:{caller.account_id}:{caller.user_id}"
        if arn.lower() == self._creator_arn.lower():
            return Identity("kubernetes-admin", uid, ("system:masters",))
        mode = self._authentication_mode()
        found = self._by_entry(arn, caller) if mode != "CONFIG_MAP" else None
        if found is None and mode != "API":
            found = self._by_config_map(arn, caller)
        if found is None:
            raise Refused(f"access denied because ARN is not mapped: {arn}")
        username, groups = self._render(found.username, caller), found.groups
        return Identity(username, uid, tuple(self._render(group, caller) for group in groups), arn)

    def _by_entry(self, arn: str, caller: CallerIdentity) -> MappedIdentity | None:
        entry = self._access_entry(arn)
        # EKS keeps the principal's unique id: one made anew under the same ARN is another principal.
        if entry is None or entry.principal_id not in ("", caller.user_id):
            return None
        return MappedIdentity(entry.username, entry.groups)

    def _by_config_map(self, arn: str, caller: CallerIdentity) -> MappedIdentity | None:
        mapping = AwsAuthMap.parse(self._aws_auth())
        by_account = MappedIdentity(arn, ()) if caller.account_id in mapping.accounts else None
        return mapping.find(arn) or by_account

    def _render(self, template: str, caller: CallerIdentity) -> str:
        """Fill in a user name's or group's placeholders (`renderTemplate` in `pkg/server/server.go`)."""
        if "{{EC2PrivateDNSName}}" in template:
            if not _INSTANCE_ID.match(caller.session_name):
                raise Refused(f"SessionName did not contain an instance id: {caller.session_name!r}")
            name = self._private_dns_name(caller.session_name)
            if name is None:
                raise Refused(f"failed to find node {caller.session_name} in EC2")
            template = template.replace("{{EC2PrivateDNSName}}", name)
        for placeholder, value in (
            ("{{AccountID}}", caller.account_id),
            ("{{SessionName}}", caller.session_name.replace("@", "-")),
            ("{{SessionNameRaw}}", caller.session_name),
            ("{{AccessKeyID}}", caller.access_key_id),
        ):
            template = template.replace(placeholder, value)
        return template

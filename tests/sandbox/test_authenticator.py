import base64
import datetime
import json
from unittest import mock
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.core.base_backend import BackendDict

from sandbox.authenticator import Authenticator, Refused
from sandbox.aws.access_entries import new_entry
from sandbox.aws.server import AwsServer
from sandbox.eks_token import RoleMissingError, role_token
from sandbox.presigned_identity import PresignedIdentity

ACCOUNT = "123456789012"
CLUSTER = "my-test-cluster"
STS = "https://sts.us-east-1.amazonaws.com/"
QUERY = "Action=GetCallerIdentity&Version=2011-06-15"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    BackendDict.reset()
    server = AwsServer(tmp_path_factory.mktemp("aws"))
    server.start()
    yield server
    server.stop()
    BackendDict.reset()


@pytest.fixture(scope="module")
def iam(server):
    return boto3.client(
        "iam",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key=ACCOUNT,
    )


@pytest.fixture(scope="module")
def keys(iam):
    """Credentials of users; `role` and `role-with-path` exist too."""
    for name, path in (("role", "/"), ("role-with-path", "/team/a/")):
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust)
    made = {}
    for name in ("creator", "alice", "nobody"):
        iam.create_user(UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        made[name] = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    return made


@pytest.fixture
def aws_auth():
    return {}


@pytest.fixture
def mode():
    return {"authenticationMode": "API_AND_CONFIG_MAP"}


@pytest.fixture
def entries():
    return {}


@pytest.fixture
def authenticator(server, keys, aws_auth, mode, entries):
    loopback = {urlsplit(server.url).netloc}
    return Authenticator(
        PresignedIdentity(CLUSTER, lambda: loopback),
        creator_arn=f"arn:aws:iam::{ACCOUNT}:user/creator",
        aws_auth=lambda: aws_auth,
        private_dns_name={"i-0123456789abcdef0": "ip-10-0-0-1.ec2.internal"}.get,
        authentication_mode=lambda: mode["authenticationMode"],
        access_entry=entries.get,
    )


def cli_token(key, cluster=CLUSTER, region="us-east-1", endpoint_url=None):
    """A token as `aws eks get-token` makes it (awscli/customizations/eks/get_token.py)."""
    sts = boto3.client(
        "sts",
        region_name=region,
        endpoint_url=endpoint_url or f"https://sts.{region}.amazonaws.com",
        aws_access_key_id=key.access_key,
        aws_secret_access_key=key.secret_key,
        aws_session_token=key.token,
    )

    def keep(params, context, **_):
        if "k8s_aws_id" in params:
            context["k8s_aws_id"] = params.pop("k8s_aws_id")

    def inject(request, **_):
        if "k8s_aws_id" in request.context:
            request.headers["x-k8s-aws-id"] = request.context["k8s_aws_id"]

    sts.meta.events.register("provide-client-params.sts.GetCallerIdentity", keep)
    sts.meta.events.register("before-sign.sts.GetCallerIdentity", inject)
    url = sts.generate_presigned_url(
        "get_caller_identity", Params={"k8s_aws_id": cluster}, ExpiresIn=60, HttpMethod="GET"
    )
    return wrap(url)


def wrap(url):
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def presigned(key, url=f"{STS}?{QUERY}", headers=None, expires=60, age=datetime.timedelta(0), service="sts"):
    """A presigned URL with everything open to tampering."""
    headers = {"x-k8s-aws-id": CLUSTER} if headers is None else headers
    request = AWSRequest(method="GET", url=url, headers=headers)

    moment = datetime.datetime.now(datetime.UTC) - age
    with mock.patch("botocore.auth.get_current_datetime", return_value=moment):
        SigV4QueryAuth(key, service, "us-east-1", expires=expires).add_auth(request)
    return request.url


def map_roles(*entries):
    return {"mapRoles": json.dumps(list(entries))}


def role_mapping(arn, username="someone", groups=()):
    return {"rolearn": arn, "username": username, "groups": list(groups)}


class TestAccepted:
    def test_the_creator_is_master_without_any_mapping(self, authenticator, keys):
        identity = authenticator.authenticate(cli_token(keys["creator"]))
        assert identity.username == "kubernetes-admin"
        assert identity.groups == ("system:masters",)
        assert identity.uid.startswith(f"aws-iam-authenticator:{ACCOUNT}:")

    @pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
    def test_tokens_signed_for_any_regional_sts_name_are_good(self, authenticator, keys, region):
        assert authenticator.authenticate(cli_token(keys["creator"], region=region))

    def test_a_token_signed_for_the_global_sts_name_is_good(self, authenticator, keys):
        url = presigned(keys["creator"], f"https://sts.amazonaws.com/?{QUERY}")
        assert authenticator.authenticate(wrap(url))

    def test_a_token_for_the_sandbox_s_own_sts_is_good_over_plain_http(self, authenticator, keys, server):
        assert authenticator.authenticate(cli_token(keys["creator"], endpoint_url=server.url))

    def test_a_mapped_role_gets_its_user_and_groups(self, authenticator, aws_auth):
        aws_auth |= map_roles(role_mapping(f"arn:aws:iam::{ACCOUNT}:role/role", "aws-batch", ["a", "b"]))
        identity = authenticator.authenticate(role_token("role", "aws-batch", CLUSTER))
        assert (identity.username, identity.groups) == ("aws-batch", ("a", "b"))

    def test_arns_are_compared_without_regard_to_case(self, authenticator, aws_auth):
        aws_auth |= map_roles(role_mapping(f"ARN:aws:IAM::{ACCOUNT}:role/ROLE"))
        assert authenticator.authenticate(role_token("role", "s", CLUSTER)).username == "someone"

    def test_a_role_with_a_path_is_found_without_it(self, authenticator, aws_auth):
        aws_auth |= map_roles(role_mapping(f"arn:aws:iam::{ACCOUNT}:role/role-with-path"))
        assert authenticator.authenticate(role_token("role-with-path", "s", CLUSTER)).username == "someone"

    def test_a_mapped_user(self, authenticator, aws_auth, keys):
        arn = f"arn:aws:iam::{ACCOUNT}:user/alice"
        aws_auth["mapUsers"] = f"- userarn: {arn}\n  username: alice\n  groups:\n  - devs\n"
        identity = authenticator.authenticate(cli_token(keys["alice"]))
        assert (identity.username, identity.groups) == ("alice", ("devs",))

    def test_an_account_maps_everybody_in_it_to_their_arn(self, authenticator, aws_auth, keys):
        aws_auth["mapAccounts"] = f'- "{ACCOUNT}"\n'
        identity = authenticator.authenticate(cli_token(keys["alice"]))
        assert (identity.username, identity.groups) == (f"arn:aws:iam::{ACCOUNT}:user/alice", ())

    @pytest.mark.parametrize(
        ("template", "session", "username"),
        [
            ("system:node:{{EC2PrivateDNSName}}", "i-0123456789abcdef0", "system:node:ip-10-0-0-1.ec2.internal"),
            ("a:{{SessionName}}", "joe@example.com", "a:joe-example.com"),
            ("a:{{SessionNameRaw}}", "joe@example.com", "a:joe@example.com"),
            ("{{AccountID}}:{{SessionName}}", "s", f"{ACCOUNT}:s"),
        ],
    )
    def test_user_names_are_templates(self, authenticator, aws_auth, template, session, username):
        aws_auth |= map_roles(role_mapping(f"arn:aws:iam::{ACCOUNT}:role/role", template, ["g:{{AccountID}}"]))
        identity = authenticator.authenticate(role_token("role", session, CLUSTER))
        assert (identity.username, identity.groups) == (username, (f"g:{ACCOUNT}",))

    def test_the_access_key_can_be_in_the_user_name(self, authenticator, aws_auth, keys):
        aws_auth["mapUsers"] = json.dumps(
            [{"userarn": f"arn:aws:iam::{ACCOUNT}:user/alice", "username": "{{AccessKeyID}}"}]
        )
        assert authenticator.authenticate(cli_token(keys["alice"])).username == keys["alice"].access_key

    def test_a_role_assumed_over_the_api(self, authenticator, aws_auth, server):
        aws_auth |= map_roles(role_mapping(f"arn:aws:iam::{ACCOUNT}:role/role"))
        sts = boto3.client(
            "sts",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key=ACCOUNT,
        )
        assumed = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/role", RoleSessionName="me")["Credentials"]
        key = Credentials(assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"])
        assert authenticator.authenticate(cli_token(key)).username == "someone"


def _with(key, **changes):
    """A correctly signed URL of which query parameters are then changed (None: removed)."""
    parts = urlsplit(presigned(key))
    pairs = [pair.split("=", 1) for pair in parts.query.split("&")]
    kept = [(name, changes.get(name, value)) for name, value in pairs]
    query = "&".join(f"{name}={value}" for name, value in kept if value is not None)
    return parts._replace(query=query).geturl()


TAMPERED = {
    "another prefix": (lambda key: "k8s-aws-v2." + wrap(presigned(key))[11:], 'missing expected "k8s-aws-v1." prefix'),
    "too large": (lambda key: wrap(presigned(key)) + "A" * 4096, "token is too large"),
    "no base64": (lambda key: "k8s-aws-v1.!!", "illegal base64 data at input byte 0"),
    "padded base64": (lambda key: wrap(presigned(key)) + "==", "illegal base64 data"),
    "plain http": (lambda key: wrap(presigned(key, f"http{STS[5:]}?{QUERY}")), 'unexpected scheme "http"'),
    "interface endpoint": (
        lambda key: wrap(presigned(key, f"https://vpce-0a1b-2c3d.sts.us-east-1.vpce.amazonaws.com/?{QUERY}")),
        'unexpected hostname "vpce-0a1b-2c3d.sts.us-east-1.vpce.amazonaws.com" in pre-signed URL',
    ),
    "another service": (
        lambda key: wrap(presigned(key, f"https://s3.amazonaws.com/?{QUERY}")),
        'unexpected hostname "s3.amazonaws.com" in pre-signed URL',
    ),
    "a port": (
        lambda key: wrap(presigned(key, f"https://sts.us-east-1.amazonaws.com:8443/?{QUERY}")),
        'unexpected hostname "sts.us-east-1.amazonaws.com:8443"',
    ),
    "a path": (lambda key: wrap(presigned(key, f"{STS}x?{QUERY}")), "unexpected path in pre-signed URL"),
    "another action": (
        lambda key: wrap(presigned(key, f"{STS}?Action=AssumeRole&Version=2011-06-15")),
        "unexpected action parameter in pre-signed URL",
    ),
    "a further parameter": (
        lambda key: wrap(presigned(key, f"{STS}?{QUERY}&Foo=bar")),
        'non-whitelisted query parameter "Foo"',
    ),
    "a parameter twice": (
        lambda key: wrap(presigned(key) + "&action=GetCallerIdentity"),
        "query parameter with multiple values not supported",
    ),
    "cluster header not signed": (
        lambda key: wrap(presigned(key, headers={})),
        "client did not sign the x-k8s-aws-id header in the pre-signed URL",
    ),
    "expires too long": (lambda key: wrap(presigned(key, expires=901)), "invalid X-Amz-Expires parameter"),
    "expires missing": (lambda key: wrap(_with(key, **{"X-Amz-Expires": None})), "invalid X-Amz-Expires parameter"),
    "expires negative": (lambda key: wrap(_with(key, **{"X-Amz-Expires": "-1"})), "invalid X-Amz-Expires parameter"),
    "date missing": (lambda key: wrap(_with(key, **{"X-Amz-Date": None})), "X-Amz-Date parameter must be present"),
    "date malformed": (lambda key: wrap(_with(key, **{"X-Amz-Date": "yesterday"})), "error parsing X-Amz-Date"),
    "expired": (
        lambda key: wrap(presigned(key, age=datetime.timedelta(minutes=16))),
        "X-Amz-Date parameter is expired (15 minute expiration)",
    ),
    "from the future": (
        lambda key: wrap(presigned(key, age=-datetime.timedelta(minutes=30))),
        "Signature not yet current",
    ),
    "unknown key": (lambda key: cli_token(Credentials("AKIAUNKNOWN", "secret")), "InvalidClientTokenId"),
    "wrong secret": (lambda key: cli_token(Credentials(key.access_key, "secret")), "SignatureDoesNotMatch"),
    "a session token too much": (
        lambda key: cli_token(Credentials(key.access_key, key.secret_key, "token")),
        "InvalidClientTokenId",
    ),
    "another cluster": (lambda key: cli_token(key, cluster="another-cluster"), "SignatureDoesNotMatch"),
    "signature changed": (
        lambda key: wrap(_with(key, **{"X-Amz-Signature": "0" * 64})),
        "SignatureDoesNotMatch",
    ),
    "another header signed": (
        lambda key: wrap(presigned(key, headers={"x-k8s-aws-id": CLUSTER, "x-other": "1"})),
        "SignatureDoesNotMatch",
    ),
    "signed for another service": (
        lambda key: wrap(presigned(key, service="iam")),
        "Credential should be scoped to correct service: 'sts'",
    ),
}


@pytest.mark.parametrize(("make", "reason"), TAMPERED.values(), ids=TAMPERED.keys())
def test_refused_even_for_the_creator(authenticator, keys, make, reason):
    with pytest.raises(Refused) as refusal:
        authenticator.authenticate(make(keys["creator"]))
    assert reason in str(refusal.value)


class TestAccessEntries:
    ROLE = f"arn:aws:iam::{ACCOUNT}:role/role-with-path"

    @pytest.fixture
    def entry(self, entries, iam):
        """Makes an entry of the role with a path, known to the authenticator without it."""

        def make(kind="STANDARD", **fields):
            role = iam.get_role(RoleName="role-with-path")["Role"]
            cluster_arn = f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/{CLUSTER}"
            entries[self.ROLE] = new_entry(cluster_arn, role["Arn"], fields.pop("id", role["RoleId"]), kind, **fields)

        return make

    def whoami(self, authenticator, session="s"):
        identity = authenticator.authenticate(role_token("role-with-path", session, CLUSTER))
        return identity.username, identity.groups

    def test_a_role_s_default_user_is_its_session(self, authenticator, entry):
        entry(groups=("viewers",))
        user = f"arn:aws:sts::{ACCOUNT}:assumed-role/role-with-path/s"
        assert self.whoami(authenticator) == (user, ("viewers",))

    def test_a_node_is_named_after_its_instance(self, authenticator, entry):
        entry("EC2_LINUX")
        user = ("system:node:ip-10-0-0-1.ec2.internal", ("system:nodes",))
        assert self.whoami(authenticator, "i-0123456789abcdef0") == user

    @pytest.mark.parametrize(
        ("of_cluster", "user"),
        [("CONFIG_MAP", "mapped"), ("API_AND_CONFIG_MAP", "by-entry"), ("API", "by-entry")],
    )
    def test_an_entry_comes_before_aws_auth(self, authenticator, entry, aws_auth, mode, of_cluster, user):
        mode["authenticationMode"] = of_cluster
        aws_auth |= map_roles(role_mapping(self.ROLE, "mapped"))
        entry(username="by-entry")
        assert self.whoami(authenticator) == (user, ())

    def test_a_role_made_anew_is_another_principal(self, authenticator, entry, mode):
        mode["authenticationMode"] = "API"
        entry(id="AROAOFTHEROLEBEFORE")
        with pytest.raises(Refused, match="not mapped"):
            self.whoami(authenticator)


class TestNotMapped:
    def refusal(self, authenticator, token):
        with pytest.raises(Refused) as refusal:
            authenticator.authenticate(token)
        return str(refusal.value)

    def test_without_a_config_map(self, authenticator, keys):
        reason = self.refusal(authenticator, cli_token(keys["nobody"]))
        assert reason == f"access denied because ARN is not mapped: arn:aws:iam::{ACCOUNT}:user/nobody"

    def test_the_path_left_in_the_arn_never_matches(self, authenticator, aws_auth):
        aws_auth |= map_roles(role_mapping(f"arn:aws:iam::{ACCOUNT}:role/team/a/role-with-path"))
        reason = self.refusal(authenticator, role_token("role-with-path", "s", CLUSTER))
        assert reason.endswith(f"not mapped: arn:aws:iam::{ACCOUNT}:role/role-with-path")

    @pytest.mark.parametrize("text", ["- rolearn: [", "just text", "{}", "", "- 1\n- [a]\n", "``"])
    def test_what_does_not_parse_maps_nobody(self, authenticator, aws_auth, text):
        aws_auth["mapRoles"] = text
        assert "not mapped" in self.refusal(authenticator, role_token("role", "s", CLUSTER))

    def test_a_broken_map_roles_leaves_map_users_alone(self, authenticator, aws_auth, keys):
        aws_auth["mapRoles"] = "- rolearn: ["
        aws_auth["mapUsers"] = f"- userarn: arn:aws:iam::{ACCOUNT}:user/alice\n  username: alice\n"
        assert authenticator.authenticate(cli_token(keys["alice"])).username == "alice"

    def test_a_session_that_is_no_instance_cannot_be_a_node(self, authenticator, aws_auth):
        mapping = role_mapping(f"arn:aws:iam::{ACCOUNT}:role/role", "system:node:{{EC2PrivateDNSName}}")
        aws_auth |= map_roles(mapping)
        reason = self.refusal(authenticator, role_token("role", "me", CLUSTER))
        assert "SessionName did not contain an instance id" in reason

    def test_an_instance_that_does_not_exist_cannot_be_a_node(self, authenticator, aws_auth):
        mapping = role_mapping(f"arn:aws:iam::{ACCOUNT}:role/role", "system:node:{{EC2PrivateDNSName}}")
        aws_auth |= map_roles(mapping)
        reason = self.refusal(authenticator, role_token("role", "i-00000000000000000", CLUSTER))
        assert "failed to find node i-00000000000000000" in reason

    def test_in_mode_api_the_config_map_is_not_looked_at(self, authenticator, aws_auth, mode):
        aws_auth |= map_roles(role_mapping(f"arn:aws:iam::{ACCOUNT}:role/role"))
        mode["authenticationMode"] = "API"
        assert "not mapped" in self.refusal(authenticator, role_token("role", "s", CLUSTER))

    def test_a_deactivated_key(self, authenticator, keys, iam):
        iam.create_user(UserName="leaver")
        key = iam.create_access_key(UserName="leaver")["AccessKey"]
        iam.update_access_key(UserName="leaver", AccessKeyId=key["AccessKeyId"], Status="Inactive")
        token = cli_token(Credentials(key["AccessKeyId"], key["SecretAccessKey"]))
        assert "InvalidClientTokenId" in self.refusal(authenticator, token)


def test_a_role_that_does_not_exist_gets_no_token(keys):
    with pytest.raises(RoleMissingError, match="The role with name ghost cannot be found"):
        role_token("ghost", "s", CLUSTER)

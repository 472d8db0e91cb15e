"""aws-auth documents as users have them: one entry is added or put right, every foreign byte stays."""

import pytest
import yaml

from specs.aws_auth import AwsAuth, AwsAuthError
from specs.identity_mapping import RoleMapping, batch_role_mapping, node_role_mapping

BATCH = batch_role_mapping("123456789012")
NODES = node_role_mapping("arn:aws:iam::123456789012:role/EksBatchNodeRole")
OURS = BATCH.rolearn
PATHED = OURS.replace("role/", "role/aws-service-role/batch.amazonaws.com/")
GROUPS = ["system:bootstrappers", "system:nodes"]
BATCH_ENTRY = {"rolearn": OURS, "username": "aws-batch"}
NODE_ENTRY = {"rolearn": NODES.rolearn, "username": "system:node:{{EC2PrivateDNSName}}", "groups": GROUPS}

EKSCTL = """\
- groups:
  - system:bootstrappers
  - system:nodes
  rolearn: arn:aws:iam::123456789012:role/eksctl-my-test-cluster-nodegroup-ng-1-NodeInstanceRole
  username: system:node:{{EC2PrivateDNSName}}
"""
DOCUMENTS = {
    "eksctl": EKSCTL,
    "no final newline": EKSCTL.rstrip(),
    "CRLF": EKSCTL.replace("\n", "\r\n"),
    "CR": EKSCTL.replace("\n", "\r"),
    "comments": f"# node groups, do not remove\n{EKSCTL}# the end\n# really",
    "comment without a newline": f"{EKSCTL}# the end",
    "trailing blanks": f"{EKSCTL}\n   \n  ",
    "indented": "".join(f"    {line}\n" for line in EKSCTL.splitlines()),
    "wide": "-   rolearn:   arn:aws:iam::1:role/a   # a\n    username:   a\n",
    "on its own line": "-\n  rolearn: arn:aws:iam::1:role/a\n  username: a\n",
    "quoted keys": "- \"rolearn\": 'arn:aws:iam::1:role/a'\n  'username': \"a\"\n  \"groups\": ['b']\n",
    "flow entries": "- {rolearn: arn:aws:iam::1:role/a, username: a, groups: [b, c]}\n- {rolearn: x}\n",
    "flow": "[{rolearn: arn:aws:iam::1:role/a, username: a}]",
    "flow with trailing comma": "[\n  {rolearn: a},  # first\n  {rolearn: b},  # second\n]\n",
    "flow with comments": "[ # roles\n  {rolearn: a} # first\n  , {rolearn: b} # second, with ] and ,\n]",
    "flow pair": "[rolearn: a, rolearn: b ]",
    "JSON": '[{"rolearn":"arn:aws:iam::1:role/a","username":"a","groups":["b"]}]',
    "pretty JSON": '[\n    {\n        "rolearn": "a",\n        "groups": [\n            "b"\n        ]\n    }\n]\n',
    "duplicates": f"{EKSCTL}{EKSCTL}",
    "anchors and aliases": "- &a\n  rolearn: a\n  groups: &g [b]\n- rolearn: c\n  groups: *g\n- *a\n",
    "merge keys": "- &a {rolearn: a, groups: [b]}\n- <<: *a\n  rolearn: c\n",
    "block scalars": "- rolearn: >-\n    arn:aws:iam::1:role/a\n  username: |\n    a\n",
    "block scalar that keeps its lines": "- rolearn: a\n  username: |+\n    a\n\n\n",
    "block scalar without an end": "- rolearn: a\n  username: |\n    a",
    "plain text over lines": "- rolearn: a\n  username: one\n    two\n",
    "document markers": "---\n- rolearn: a\n...\n# after\n",
    "directive": "%YAML 1.1\n---\n- rolearn: a\n",
    "document start with a comment": "--- # roles\n\n- rolearn: a\n",
    "users and unknown keys": "- rolearn: a\n  note: keep\n- userarn: b\n  username: c\n",
    "unicode": "# ünïcode – ✓\n- rolearn: a\n  username: ä # 日本\n",
    "byte order mark": "\ufeff- rolearn: a\n",
    "no rolearn at all": "- {}\n- username: a\n",
    "other types": "- rolearn: 1\n  username: true\n  groups: b\n- rolearn: a\n  groups:\n",
    "other entry with a path": "- rolearn: arn:aws:iam::1:role/a/b/c\n  username: a\n",
}
EMPTY = {
    "empty": "",
    "blank": "  \n\n",
    "only a comment": "# nothing yet\n",
    "only a comment, no newline": "# nothing yet",
    "empty list": "[]",
    "empty list with blanks": "[  ]\n",
    "empty list with comment": "[ # none\n]",
    "null": "null",
    "tilde": "~ # none\n",
    "document without content": "---\n",
    "explicit end": "---\n...\n",
}


def entries(text: str) -> list[object]:
    return yaml.safe_load(text) or []


def assert_only_inserted(old: str, new: str) -> None:
    """All of the old text is there, in one or two pieces around what was inserted."""
    prefix = next((n for n, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), len(old))
    rest = old[prefix:]
    assert len(new) > len(old)
    assert new.endswith(rest) or any(
        old[:n] + new[n : n + len(new) - len(old)] + old[n:] == new for n in range(prefix + 1)
    )


@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_foreign_bytes_stay(text: str) -> None:
    once = AwsAuth.parse(text).with_role(BATCH)
    assert_only_inserted(text, once)
    assert sorted(map(str, entries(once))) == sorted(map(str, [*entries(text), BATCH_ENTRY]))
    twice = AwsAuth.parse(once).with_role(NODES)
    assert_only_inserted(once, twice)
    assert sorted(map(str, entries(twice))) == sorted(map(str, [*entries(text), BATCH_ENTRY, NODE_ENTRY]))
    again = AwsAuth.parse(twice)
    assert again.with_role(BATCH) == twice
    assert again.with_role(NODES) == twice
    assert {BATCH, NODES} <= set(again.role_mappings)


@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_what_was_added_is_taken_out_again(text: str) -> None:
    both = AwsAuth.parse(AwsAuth.parse(text).with_role(BATCH)).with_role(NODES)
    without_batch = AwsAuth.parse(both).without_role(BATCH)
    assert sorted(map(str, entries(without_batch))) == sorted(map(str, [*entries(text), NODE_ENTRY]))
    without_both = AwsAuth.parse(without_batch).without_role(NODES)
    # A comma that was there after the last element is the one byte that may be gone.
    assert without_both in (text, text.replace("},  # second", "}  # second"))
    assert AwsAuth.parse(without_both).without_role(BATCH) == without_both


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"- rolearn: {OURS}\n  username: aws-batch # why\n", "# why\n"),
        (f"- rolearn: a\n- rolearn: {OURS}\n  username: aws-batch # why\n# after\n", "- rolearn: a\n# why\n# after\n"),
        (f"- rolearn: {OURS}\n  username: aws-batch\n- rolearn: a", "- rolearn: a"),
        (f"- rolearn: a\n- rolearn: {OURS}\n  username: aws-batch", "- rolearn: a"),
        (f"- rolearn: {OURS.lower()}\n  userName: aws-batch\n  groups: []\n", ""),
        (f"- username: |-\n    aws-batch\n  rolearn: {OURS}\n# after", "# after"),
        (f"[{{rolearn: {OURS}, username: aws-batch}}, {{rolearn: a}}]", "[{rolearn: a}]"),
        (f"[{{rolearn: a}}, # a\n {{rolearn: {OURS}, username: aws-batch}} # b\n]", "[{rolearn: a} # a\n  # b\n]"),
        (f"- &a {{rolearn: {OURS}, username: aws-batch}}\n- *a\n", f"- &a {{rolearn: {OURS}, username: aws-batch}}\n"),
    ],
)
def test_what_stands_beside_an_entry_outlives_it(text: str, left: str) -> None:
    assert AwsAuth.parse(text).without_role(BATCH) == left


@pytest.mark.parametrize(
    "text",
    [
        f"- rolearn: {OURS}\n  username: somebody\n",
        f"- rolearn: {OURS}\n  username: aws-batch\n  groups: [admins]\n",
        f"- rolearn: {OURS}\n  username: aws-batch\n  note: mine\n",
        f"- rolearn: {PATHED}\n  username: aws-batch\n",
    ],
)
def test_an_entry_that_says_something_else_is_not_taken_out(text: str) -> None:
    assert AwsAuth.parse(text).without_role(BATCH) == text


def test_an_entry_that_others_refer_to_is_not_taken_out() -> None:
    text = f"- &a\n  rolearn: {OURS}\n  username: aws-batch\n- <<: *a\n  rolearn: b\n"
    with pytest.raises(AwsAuthError, match="cannot be taken out"):
        AwsAuth.parse(text).without_role(BATCH)


@pytest.mark.parametrize("text", EMPTY.values(), ids=EMPTY.keys())
def test_empty_documents(text: str) -> None:
    once = AwsAuth.parse(text).with_role(BATCH)
    twice = AwsAuth.parse(once).with_role(NODES)
    assert entries(twice) == [BATCH_ENTRY, NODE_ENTRY]
    assert all(comment in twice for comment in ("# nothing yet", "# none") if comment in text)


def test_absent_document() -> None:
    assert AwsAuth.parse(None).with_role(BATCH) == f"- rolearn: {OURS}\n  username: aws-batch\n"


def test_the_new_entry_is_in_the_style_of_the_document() -> None:
    added = AwsAuth.parse(DOCUMENTS["CRLF"]).with_role(NODES)[len(DOCUMENTS["CRLF"]) :]
    assert added.count("\r\n") == added.count("\n") == 5
    assert AwsAuth.parse(DOCUMENTS["no final newline"]).with_role(BATCH).endswith("\n  username: aws-batch")
    assert (
        AwsAuth.parse(DOCUMENTS["indented"])
        .with_role(BATCH)
        .endswith(f"\n    - rolearn: {OURS}\n      username: aws-batch\n")
    )
    assert (
        AwsAuth.parse(DOCUMENTS["JSON"])
        .with_role(BATCH)
        .endswith(f', {{"rolearn": "{OURS}", "username": "aws-batch"}}]')
    )
    assert f',\n    {{"rolearn": "{OURS}"' in AwsAuth.parse(DOCUMENTS["pretty JSON"]).with_role(BATCH)


@pytest.mark.parametrize(
    ("text", "corrected"),
    [
        (f"- rolearn: {OURS}\n  username: wrong # why\n", f"- rolearn: {OURS}\n  username: aws-batch # why\n"),
        (f"- rolearn: {OURS}\n  username: 'wrong'", f"- rolearn: {OURS}\n  username: aws-batch"),
        (f"- rolearn: {OURS}\n  username:\n", f"- rolearn: {OURS}\n  username: aws-batch\n"),
        (f"- rolearn: {OURS}\n  username: |\n    wrong\n", f"- rolearn: {OURS}\n  username: aws-batch\n"),
        (f"- rolearn: {OURS}\r\n", f"- username: aws-batch\r\n  rolearn: {OURS}\r\n"),
        (f"[{{rolearn: {OURS}, username: wrong}}]", f'[{{rolearn: {OURS}, username: "aws-batch"}}]'),
        (f'[{{"rolearn":"{OURS}"}}]', f'[{{"username": "aws-batch", "rolearn":"{OURS}"}}]'),
        (f"- rolearn: {OURS}\n  username: &u wrong\n", f"- rolearn: {OURS}\n  username: aws-batch\n"),
        (
            f"- &u\n  rolearn: x\n  username: wrong\n- <<: *u\n  rolearn: {OURS}\n",
            f"- &u\n  rolearn: x\n  username: wrong\n- username: aws-batch\n  <<: *u\n  rolearn: {OURS}\n",
        ),
        (
            f"- rolearn: {OURS.upper().replace('ARN:AWS:IAM', 'arn:aws:iam')}\n  username: wrong\n",
            f"- rolearn: {OURS.upper().replace('ARN:AWS:IAM', 'arn:aws:iam')}\n  username: aws-batch\n",
        ),
        # The last of several entries counts.
        (
            f"- rolearn: {OURS}\n  username: first\n- rolearn: {OURS}\n  username: last\n",
            f"- rolearn: {OURS}\n  username: first\n- rolearn: {OURS}\n  username: aws-batch\n",
        ),
    ],
)
def test_a_wrong_user_is_put_right_in_place(text: str, corrected: str) -> None:
    assert AwsAuth.parse(text).with_role(BATCH) == corrected
    assert AwsAuth.parse(corrected).with_role(BATCH) == corrected


NODE_HEAD = f"- rolearn: {NODES.rolearn}\n  username: system:node:{{{{EC2PrivateDNSName}}}}\n"


@pytest.mark.parametrize(
    ("groups", "corrected"),
    [
        ("", None),
        ("  groups:\n", '  groups: ["system:bootstrappers", "system:nodes"]\n'),
        ("  groups: []\n", '  groups: ["system:bootstrappers", "system:nodes"]\n'),
        ("  groups: system:nodes\n", '  groups: ["system:bootstrappers", "system:nodes"]\n'),
        ("  groups: [system:nodes] # x\n", '  groups: [system:nodes, "system:bootstrappers"] # x\n'),
        (
            "  groups:\n  # x\n  - system:nodes # y\n",
            "  groups:\n  # x\n  - system:bootstrappers\n  - system:nodes # y\n",
        ),
        (
            "  groups:\r\n      - eks:kube-proxy-windows\r\n",
            "  groups:\r\n      - system:bootstrappers\r\n      - system:nodes\r\n      - eks:kube-proxy-windows\r\n",
        ),
    ],
)
def test_missing_groups_are_added_and_others_kept(groups: str, corrected: str | None) -> None:
    # Windows nodes need eks:kube-proxy-windows besides: the groups of others are not ours to take.
    text = NODE_HEAD.replace("\n", "\r\n") + groups if "\r" in groups else NODE_HEAD + groups
    result = AwsAuth.parse(text).with_role(NODES)
    if corrected is not None:
        assert result == text.removesuffix(groups) + corrected
    (entry,) = yaml.safe_load(result)
    assert set(GROUPS) <= set(entry["groups"])
    assert AwsAuth.parse(result).with_role(NODES) == result


@pytest.mark.parametrize(
    "text",
    [
        f"- rolearn: {OURS}\n  username: aws-batch\n",
        f"- rolearn: {OURS}\n  username: aws-batch\n  groups: []\n",
        f"- username: 'aws-batch'\n  groups: [others]\n  rolearn: \"{OURS}\" # ours",
        f"- rolearn: {OURS}\n  username: wrong\n- rolearn: {OURS}\n  username: aws-batch\n",
    ],
)
def test_an_entry_that_is_right_stays_as_it_is(text: str) -> None:
    assert AwsAuth.parse(text).with_role(BATCH) == text


def test_an_entry_with_the_path_is_reported_kept_and_does_not_count() -> None:
    full = "arn:aws:iam::123456789012:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"
    text = f"- rolearn: {full}\n  username: aws-batch\n"
    document = AwsAuth.parse(text)
    (warning,) = document.warnings
    assert full in warning
    assert "never matches" in warning
    assert document.with_role(BATCH) == f"{text}- rolearn: {OURS}\n  username: aws-batch\n"


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("- rolearn: a\n- [", 2, 4),
        ("- rolearn: a: b\n", 1, 13),
        ("- rolearn: a\n\t- b\n", 2, 1),
        ("rolearn: a\n", 1, 1),
        ("# x\n  just text\n", 2, 3),
        ("- rolearn: a\n- b\n", 2, 3),
        ("- rolearn: a\n- - b\n", 2, 3),
        ("- rolearn: a\n-\n", 2, 2),
        ('{"rolearn": "a"}', 1, 1),
        ("- !Ref a\n", 1, 3),
        ("- rolearn: *nowhere\n", 1, 12),
        ("--- []\n--- []\n", 2, 1),
        ("- rolearn: a\x07\n", 1, 13),
        ("- rolearn: 2020-13-41\n", None, None),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, line: int | None, column: int | None) -> None:
    with pytest.raises(AwsAuthError) as caught:
        AwsAuth.parse(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert "Nothing was written" in str(caught.value)
    assert "kubectl edit configmap aws-auth" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f"- &a {{rolearn: {OURS}, username: wrong}}\n- *a\n",
        f"- rolearn: {OURS}\n  username: &u wrong\n- rolearn: b\n  username: *u\n",
    ],
)
def test_an_entry_that_is_shared_with_others_is_refused(text: str) -> None:
    with pytest.raises(AwsAuthError, match="without changing other entries"):
        AwsAuth.parse(text).with_role(BATCH)


def test_groups_that_are_shared_get_a_list_of_their_own() -> None:
    text = f"- rolearn: a\n  groups: &g [system:nodes]\n{NODE_HEAD}  groups: *g\n"
    result = AwsAuth.parse(text).with_role(NODES)
    first, second = yaml.safe_load(result)
    assert first == {"rolearn": "a", "groups": ["system:nodes"]}
    assert sorted(second["groups"]) == GROUPS


@pytest.mark.parametrize(
    ("text", "username", "never"),
    [
        (f"- {{rolearn: {OURS}, username: aws-batch}}", "aws-batch", None),
        (f"- {{rolearn: {OURS}, username: aws-batch}}\n- {{rolearn: {OURS}, username: other}}", "other", None),
        (f"- {{rolearn: {OURS.lower()}, username: aws-batch}}", "aws-batch", None),
        (f"- {{rolearn: {PATHED}, username: aws-batch}}", None, PATHED),
        (f"- {{rolearn: {PATHED}, username: x}}\n- {{rolearn: {OURS}, username: aws-batch}}", "aws-batch", PATHED),
        ("- {rolearn: arn:aws:iam::999999999999:role/x/AWSServiceRoleForBatch, username: aws-batch}", None, None),
        ("- {rolearn: arn:aws:iam::123456789012:role/x/NotAWSServiceRoleForBatch, username: a}", None, None),
        ("", None, None),
    ],
)
def test_who_a_role_is(text: str, username: str | None, never: str | None) -> None:
    document = AwsAuth.parse(text)
    counts, missed = document.who_is(OURS), document.never_matching(OURS)
    assert (counts.username if counts else None, missed.rolearn if missed else None) == (username, never)


def test_role_mappings() -> None:
    document = AwsAuth.parse(DOCUMENTS["other types"] + EKSCTL)
    assert document.role_mappings == (
        RoleMapping(rolearn="a"),
        RoleMapping(
            rolearn="arn:aws:iam::123456789012:role/eksctl-my-test-cluster-nodegroup-ng-1-NodeInstanceRole",
            username="system:node:{{EC2PrivateDNSName}}",
            groups=("system:bootstrappers", "system:nodes"),
        ),
    )

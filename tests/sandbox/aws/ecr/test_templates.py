"""Repositories that a push makes."""

import json
from typing import Any

import httpx

from .conftest import manifest, push, refused


def test_a_template_makes_repositories_on_push(api: Any, http: httpx.Client) -> None:
    lifecycle = json.dumps(
        {
            "rules": [
                {
                    "rulePriority": 1,
                    "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 9},
                    "action": {"type": "expire"},
                }
            ]
        }
    )
    api.create_repository_creation_template(prefix="ROOT", appliedFor=["PULL_THROUGH_CACHE"])
    made = api.create_repository_creation_template(
        prefix="auto",
        appliedFor=["CREATE_ON_PUSH"],
        imageTagMutability="IMMUTABLE",
        resourceTags=[{"Key": "team", "Value": "data"}],
        lifecyclePolicy=lifecycle,
    )["repositoryCreationTemplate"]
    assert made["encryptionConfiguration"] == {"encryptionType": "AES256"}
    assert http.post("/v2/automatic/app/blobs/uploads/").status_code == 404
    push(http, "auto/app", "v1", manifest(http, "auto/app", b"one"))
    repository = api.describe_repositories(repositoryNames=["auto/app"])["repositories"][0]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    tags = api.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
    assert tags == [{"Key": "team", "Value": "data"}]
    assert json.loads(api.get_lifecycle_policy(repositoryName="auto/app")["lifecyclePolicyText"])
    listed = api.describe_repository_creation_templates()["repositoryCreationTemplates"]
    assert [one["prefix"] for one in listed] == ["ROOT", "auto"]
    one = api.describe_repository_creation_templates(prefixes=["auto"])["repositoryCreationTemplates"]
    assert [template["prefix"] for template in one] == ["auto"]
    twice = refused(api.create_repository_creation_template, prefix="auto", appliedFor=["REPLICATION"])
    assert twice[0] == "TemplateAlreadyExistsException"
    api.delete_repository_creation_template(prefix="auto")
    assert refused(api.delete_repository_creation_template, prefix="auto")[0] == "TemplateNotFoundException"
    assert http.post("/v2/auto/other/blobs/uploads/").status_code == 404


def test_the_longest_prefix_wins_and_root_is_last(api: Any, http: httpx.Client) -> None:
    for prefix, mutability in (("ROOT", "MUTABLE"), ("a", "IMMUTABLE"), ("a/b", "MUTABLE")):
        api.create_repository_creation_template(
            prefix=prefix, appliedFor=["CREATE_ON_PUSH"], imageTagMutability=mutability
        )
    for name, mutability in (("x/y", "MUTABLE"), ("a/x", "IMMUTABLE"), ("a/b/c", "MUTABLE")):
        assert http.post(f"/v2/{name}/blobs/uploads/").status_code == 202
        repository = api.describe_repositories(repositoryNames=[name])["repositories"][0]
        assert repository["imageTagMutability"] == mutability

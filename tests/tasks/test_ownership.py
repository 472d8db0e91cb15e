from tasks.ownership import (
    has_aws_mark,
    has_kubernetes_mark,
    spec_hash,
    with_aws_marks,
    with_kubernetes_marks,
)

ROLE = {"kind": "Role", "metadata": {"name": "r", "labels": {"team": "data"}}, "rules": [{"verbs": ["get"]}]}


def test_the_hash_depends_on_content_not_on_the_order_of_keys() -> None:
    assert spec_hash({"a": 1, "b": 2}) == spec_hash({"b": 2, "a": 1})
    assert spec_hash({"a": 1}) != spec_hash({"a": 2})


def test_marks_are_added_to_what_people_wrote() -> None:
    marked = with_kubernetes_marks(ROLE)
    assert marked["metadata"]["labels"]["team"] == "data"
    assert marked["rules"] == ROLE["rules"]
    assert has_kubernetes_mark(marked)
    assert not has_kubernetes_mark(ROLE)


def test_a_removed_label_changes_the_mark_although_containment_would_not_see_it() -> None:
    without = {**ROLE, "metadata": {"name": "r"}}
    assert (
        with_kubernetes_marks(ROLE)["metadata"]["annotations"]
        != with_kubernetes_marks(without)["metadata"]["annotations"]
    )


def test_aws_documents_are_marked_by_tags() -> None:
    marked = with_aws_marks({"jobQueueName": "q", "tags": {"team": "data"}})
    assert marked["tags"]["team"] == "data"
    assert has_aws_mark(marked)
    assert not has_aws_mark({"tags": {"team": "data"}})
    assert not has_aws_mark({})

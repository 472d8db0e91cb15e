import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.kubelet.command import command_of, expand
from sandbox.registries.image_pull import ImageConfig

IMAGE = ImageConfig(["/entry", "e1"], ["c1", "c2"], ["A=image", "B=$(A)", "PATH=/image"], "/work", "sha256:0")
ROOT = Path("/root-of-container")
NAMES = st.from_regex(r"[A-Z_]{1,8}", fullmatch=True)


@pytest.mark.parametrize(
    ("container", "argv"),
    [
        ({}, ("/entry", "e1", "c1", "c2")),
        ({"args": ["a"]}, ("/entry", "e1", "a")),
        ({"command": ["cmd"]}, ("cmd",)),
        ({"command": ["cmd"], "args": ["a"]}, ("cmd", "a")),
    ],
)
def test_command_replaces_the_entrypoint_and_args_the_cmd(container, argv):
    assert command_of(container, IMAGE, ROOT).argv == argv


def test_an_image_without_entrypoint_runs_its_cmd():
    image = ImageConfig([], ["/bin/bash"], [], "/", "sha256:0")
    assert command_of({}, image, ROOT).argv == ("/bin/bash",)


def test_the_environment_is_the_image_s_and_the_container_s_and_this_machine_s_path():
    container = {"env": [{"name": "A", "value": "mine"}, {"name": "C", "value": "$(A)!"}, {"name": "D"}]}
    environment = command_of(container, IMAGE, ROOT).environment
    assert environment == {"A": "mine", "B": "$(A)", "C": "mine!", "D": "", "PATH": os.environ["PATH"]}


def test_words_of_the_command_may_name_variables():
    container = {"command": ["echo", "$(A)", "$$(A)", "$(UNKNOWN)"], "env": [{"name": "A", "value": "1"}]}
    assert command_of(container, IMAGE, ROOT).argv == ("echo", "1", "$(A)", "$(UNKNOWN)")


@pytest.mark.parametrize(
    ("working_dir", "directory"), [(None, "work"), ("/app/src", "app/src"), ("/", ""), ("relative", "relative")]
)
def test_the_working_directory_lies_inside_the_container_s_own(working_dir, directory):
    container = {"workingDir": working_dir} if working_dir else {}
    assert command_of(container, IMAGE, ROOT).directory == ROOT / directory


@given(st.text(alphabet=st.characters(exclude_characters="$", exclude_categories=["Cs"])))
def test_text_without_a_dollar_stays(text):
    assert expand(text, {"A": "x"}) == text


@given(st.dictionaries(NAMES, st.text(max_size=5), min_size=1))
def test_every_known_reference_is_replaced_once_and_values_are_not_expanded_again(variables):
    text = "|".join(f"$({name})" for name in variables)
    assert expand(text, variables) == "|".join(variables.values())


@given(st.text(alphabet="$()AB", max_size=12))
def test_doubling_every_dollar_gives_the_text_back(text):
    assert expand(text.replace("$", "$$"), {"A": "x", "B": "y"}) == text


# k8s.io/kubernetes, third_party/forked/golang/expansion/expand_test.go
@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(VAR_A)", "A"),
        ("___$(VAR_B)___", "___B___"),
        ("$(VAR_A)$(VAR_B)", "AB"),
        ("$(VAR_DNE)", "$(VAR_DNE)"),
        ("$$(VAR_A)", "$(VAR_A)"),
        ("$$$(VAR_A)", "$A"),
        ("$$$$(VAR_A)", "$$(VAR_A)"),
        ("foo$bar", "foo$bar"),
        ("$VAR_A", "$VAR_A"),
        ("$(VAR_A", "$(VAR_A"),
        ("$", "$"),
    ],
)
def test_kubernetes_own_examples(text, expanded):
    assert expand(text, {"VAR_A": "A", "VAR_B": "B"}) == expanded

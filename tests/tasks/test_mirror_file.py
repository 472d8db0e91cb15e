"""A YAML file of images: read as the form is, refused with words that say where."""

from pathlib import Path

import pytest

from blocks.operation_error import OperationError
from tasks.mirror_file import read_mirror_file


def test_a_file_is_read_as_the_form_is(tmp_path: Path) -> None:
    file = tmp_path / "images.yaml"
    file.write_text("images:\n- source: busybox\n  includeReferrers: true\nrepositories: {prefix: mirror}\n")
    spec = read_mirror_file(str(file))
    assert (spec.images[0].source, spec.images[0].include_referrers) == ("busybox", True)
    assert spec.repositories.prefix == "mirror"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("images: [", "not YAML"),
        ("- source: busybox", "the file breaks rules"),
        ("images:\n- sorce: busybox", r"images.0.sorce"),
        ("", "the file breaks rules"),
    ],
)
def test_what_is_wrong_with_it_is_said(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "images.yaml"
    file.write_text(text)
    with pytest.raises(OperationError, match=words):
        read_mirror_file(str(file))


def test_a_missing_file_is_looked_for_on_the_worker(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match=f"on the worker, as {tmp_path}/none.yaml"):
        read_mirror_file(str(tmp_path / "none.yaml"))

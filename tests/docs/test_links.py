"""Links and pictures lead somewhere, on GitHub too, where the strict build of the site does not look."""

from pathlib import Path

import pytest

from tests.docs.page import PAGES, ROOT, Page


def inside(page: Page) -> list[str]:
    return [link for link in page.links if not link.startswith(("http://", "https://"))]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_to_a_file_and_a_heading(page: Page) -> None:
    anchors = {other.path: other.anchors for other in PAGES}
    broken = []
    for link in inside(page):
        path, _, anchor = link.partition("#")
        target = (ROOT / page.path).parent / path if path else ROOT / page.path
        found = target.is_file() and ROOT in target.resolve().parents
        if not found or (anchor and anchor not in anchors[target.resolve().relative_to(ROOT)]):
            broken.append(link)
    assert broken == []


def test_every_page_can_be_reached_from_the_first() -> None:
    """The first is that of the site; the README leads there."""
    pages = {page.path: page for page in PAGES}
    assert "docs/index.md" in pages[Path("README.md")].links
    reached, left = {Path("README.md")}, [Path("docs/index.md")]
    while left:
        path = left.pop()
        if path in reached or path not in pages:
            continue
        reached.add(path)
        targets = ((ROOT / path).parent / link.partition("#")[0] for link in inside(pages[path]))
        left += [target.resolve().relative_to(ROOT) for target in targets]
    assert set(pages) - reached == set()

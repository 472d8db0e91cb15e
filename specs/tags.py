"""Tags: what AWS says about all of them."""

from typing import Any

from specs.fault import Findings
from specs.source import TAGGING
from specs.wire import mapping

_MOST = 50


def check_tags(tags: Any, path: str, found: Findings, *, lengths: bool = False) -> None:
    """Check a map of tags.

    Args:
        tags: The map, of any type.
        path: Where it stands.
        found: Takes what is found.
        lengths: Check number and lengths too, where the service's shape does not.
    """
    entries = mapping(tags)
    for key, value in entries.items():
        where = f'{path}["{key}"]'
        if str(key).lower().startswith("aws:"):
            rule = "Tag keys that begin with aws: are AWS's own."
            found.fault(where, value, rule, "Choose another key.", TAGGING)
        if lengths and not 1 <= len(str(key)) <= 128:
            found.fault(where, value, "A tag key has 1 to 128 characters.", "Shorten the key.", TAGGING)
        if lengths and isinstance(value, str) and len(value) > 256:
            rule = f"A tag value has at most 256 characters, here are {len(value)}."
            found.fault(where, value, rule, "Shorten the value.", TAGGING)
    if lengths and len(entries) > _MOST:
        rule = f"A resource has at most {_MOST} tags, here are {len(entries)}."
        found.fault(path, None, rule, f"Leave {len(entries) - _MOST} out.", TAGGING)

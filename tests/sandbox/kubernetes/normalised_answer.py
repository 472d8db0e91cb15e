"""An API server's answer without what is different each time."""

import json
import re
from typing import Any


def normalised(text: str) -> Any:
    """The answer without times, identifiers, versions and random names.

    Args:
        text: The body of the answer.

    Returns:
        The document; the text where it is none.
    """
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UID", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+(Z|\+00:00)", "TIME", text)
    text = re.sub(r'(\\*"resourceVersion\\*": ?\\*")\d+', r"\1N", text)
    text = re.sub(r"(current: |in record \()\d+", r"\1N", text)
    text = re.sub(r"(kube-api-access-|zzz-)[a-z0-9]{5}", r"\1RANDOM", text)
    text = re.sub(r'"continue": ?"[^"]+"', '"continue":"TOKEN"', text)
    # go-cmp varies its blanks on purpose, lest anybody depends on them.
    text = re.sub(r'\\n[ \u00a0]*core\.PodSpec\{.*?\}\\n"', '"', text)
    try:
        document = json.loads(text)
    except ValueError:
        return text
    if isinstance(document, dict) and "resourceRules" in document.get("status", {}):
        for rules in ("resourceRules", "nonResourceRules"):
            document["status"][rules].sort(key=json.dumps)
    return document

"""The lifecycle policy's document in the format of botocore's service models, which only know it as a text.

Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_examples.html (the template).
"""

from functools import cache
from typing import Any

from specs.shape import Shapes
from specs.source import LIFECYCLE_POLICY

_SHAPES: dict[str, Any] = {
    "Text": {"type": "string"},
    "Count": {"type": "integer", "min": 1},
    "Texts": {"type": "list", "member": {"shape": "Text"}, "min": 1},
    "Rules": {"type": "list", "member": {"shape": "Rule"}, "min": 1},
    "Policy": {"type": "structure", "required": ("rules",), "members": {"rules": {"shape": "Rules"}}},
    "Rule": {
        "type": "structure",
        "required": ("rulePriority", "selection", "action"),
        "members": {
            "rulePriority": {"shape": "Count"},
            "description": {"shape": "Text"},
            "selection": {"shape": "Selection"},
            "action": {"shape": "Action"},
        },
    },
    "Selection": {
        "type": "structure",
        "required": ("tagStatus", "countType", "countNumber"),
        "members": {
            "tagStatus": {"shape": "Text"},
            "tagPatternList": {"shape": "Texts"},
            "tagPrefixList": {"shape": "Texts"},
            "storageClass": {"shape": "Text"},
            "countType": {"shape": "Text"},
            "countUnit": {"shape": "Text"},
            "countNumber": {"shape": "Count"},
        },
    },
    "Action": {
        "type": "structure",
        "required": ("type",),
        "members": {"type": {"shape": "Text"}, "targetStorageClass": {"shape": "Text"}},
    },
}


@cache
def lifecycle_policy_shapes() -> Shapes:
    """The shapes of a lifecycle policy."""
    return Shapes(LIFECYCLE_POLICY, _SHAPES)

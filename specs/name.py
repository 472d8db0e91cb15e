"""Names, ARNs and the patterns they match."""

import re

from specs.limit import Matches
from specs.source import KUBERNETES_NAMES

LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
"""A DNS label, RFC 1123."""

SUBDOMAIN = r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
"""A DNS subdomain, RFC 1123."""

_IAM_NAME = r"[A-Za-z0-9_+=,.@-]"
ROLE_ARN = (
    r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>[0-9]{12}):role/"
    rf"(?P<path>(?:{_IAM_NAME}+/)*)(?P<name>{_IAM_NAME}{{1,64}})"
)
"""An IAM role's ARN, taken apart."""

SERVICE_LINKED_ROLE_PATH = "aws-service-role/batch.amazonaws.com/"
SERVICE_LINKED_ROLE = "AWSServiceRoleForBatch"


def batch_name(source: str) -> Matches:
    """The rule for names of compute environments, queues, policies and definitions.

    Args:
        source: Where it is written down for the resource.
    """
    return Matches(r"[A-Za-z0-9_-]{1,128}", "1 to 128 letters, digits, hyphens and underscores", source)


def is_label(text: str) -> bool:
    """Whether the text is a DNS label."""
    return re.fullmatch(LABEL, text) is not None


def is_subdomain(text: str) -> bool:
    """Whether the text is a DNS subdomain."""
    return re.fullmatch(SUBDOMAIN, text) is not None


def is_service_linked_role(arn: str) -> bool:
    """Whether the ARN is that of Batch's service-linked role, path included."""
    match = re.fullmatch(ROLE_ARN, arn)
    return bool(match) and arn.endswith(f":role/{SERVICE_LINKED_ROLE_PATH}{SERVICE_LINKED_ROLE}")


KUBERNETES_LABEL = Matches(
    LABEL, "1 to 63 lower-case letters, digits and hyphens, first and last not a hyphen", KUBERNETES_NAMES
)
KUBERNETES_SUBDOMAIN = Matches(
    SUBDOMAIN, "1 to 253 lower-case letters, digits, hyphens and dots (a DNS subdomain)", KUBERNETES_NAMES
)

"""ARNs as aws-iam-authenticator compares them."""

_PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc")


def canonical(arn: str) -> str:
    """The ARN under which a principal is looked up in `aws-auth`.

    `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION` becomes `arn:aws:iam::ACCOUNT:role/ROLE`. STS never tells a
    role's path, so that a `rolearn` written with its path never matches (aws-iam-authenticator#268).
    Source: aws-iam-authenticator, `pkg/arn/arn.go`.

    Raises:
        ValueError: The ARN is not one of an identity.
    """
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        raise ValueError(f"arn '{arn}' is invalid: 'arn: invalid prefix or not enough sections'")
    _, partition, service, _, account, resource = parts
    if partition not in _PARTITIONS:
        raise ValueError(f"arn '{arn}' does not have a recognized partition")
    kind, *names = resource.split("/")
    if service == "sts":
        if kind == "federated-user":
            return arn
        if kind == "assumed-role":
            if len(names) < 2:
                raise ValueError(f"assumed-role arn '{arn}' does not have a role")
            return f"arn:{partition}:iam::{account}:role/{'/'.join(names[:-1])}"
        raise ValueError(f"unrecognized resource {resource} for service sts")
    if service == "iam":
        if kind in ("role", "user", "root"):
            return arn
        raise ValueError(f"unrecognized resource {resource} for service iam")
    raise ValueError(f"service {service} in arn {arn} is not a valid service for identities")

"""Write the policies beside the table of rights: `python -m deployments.iam`."""

from deployments.iam.policies import HERE, policy, rights, written


def main() -> None:
    """Write all of them."""
    for name in rights():
        (HERE / f"{name}.json").write_text(written(policy(name)))


if __name__ == "__main__":
    main()

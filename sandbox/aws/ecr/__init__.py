"""Amazon ECR's API over the store that the private registry serves."""

from sandbox.aws.ecr.service import Ecr, install

__all__ = ["Ecr", "install"]

"""OCI registries on loopback: one plays public.ecr.aws, one plays the account's private ECR."""

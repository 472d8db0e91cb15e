"""The least rights of workers in AWS: IAM policies, and where they come from."""

"""IAM's part in an AWS call: what the call asks for, what the caller's policies decide, and how a denial reads."""

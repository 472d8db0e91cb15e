"""What must be so before AWS Batch is set up: rules over a picture of what was observed, no I/O."""

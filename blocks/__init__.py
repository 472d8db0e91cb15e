"""Where: the Prefect blocks that a person edits in the UI, and how they reach AWS and Kubernetes."""

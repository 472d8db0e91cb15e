"""Which Kubernetes control planes the tests run against."""

import os

CONTROL_PLANES = ["embedded", "real"] if os.environ.get("KUBEBUILDER_ASSETS") else ["embedded"]

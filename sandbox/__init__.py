"""A private AWS Batch on EKS environment on one machine: AWS, Kubernetes and registries on loopback."""

"""AWS Batch on EKS: compute environments, queues, definitions and jobs that run as pods."""

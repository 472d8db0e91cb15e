"""What is wanted, as frozen models of the documents that AWS Batch, ECR and Kubernetes take.

A spec reads the very document that ``aws batch ... --cli-input-json`` or ``kubectl apply -f`` takes and
renders back to it. Every rule that can be checked without AWS is checked here, all faults at once.
There is no I/O in this package, except that botocore's service models are read from its package data.
"""

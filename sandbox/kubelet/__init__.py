"""A node's kubelet: runs the pods bound to its node as local processes."""

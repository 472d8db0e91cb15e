"""The cluster's Kubernetes API: an embedded server, or a real etcd and kube-apiserver."""

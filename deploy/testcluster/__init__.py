"""A real Kubernetes for the tests, and for nothing else: see `make test-k8s`."""

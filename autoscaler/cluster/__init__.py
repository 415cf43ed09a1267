"""The Kubernetes cluster: a door to its API, names of ours in it, and the Lease of the leader."""

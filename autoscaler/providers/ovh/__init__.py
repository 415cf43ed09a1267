"""OVHcloud: a Public Cloud project's instances, or the node pools of its managed Kubernetes, as nodes."""

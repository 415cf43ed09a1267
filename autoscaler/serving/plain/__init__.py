"""A plain fleet: model servers without Kubernetes, behind a router whose list of endpoints is kept here."""

"""The cheapest plan: the problem in arrays, the linear program, the decomposition, the whole-node cover, the judge."""

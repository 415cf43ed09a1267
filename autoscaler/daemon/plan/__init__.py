"""Plan: where the plan comes from, when another is in force, what a loop is given of it, and what pools cost now."""

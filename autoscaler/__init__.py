"""Keep the fleet at the plan. For now: the one command `baseload`, which mounts the planner's commands."""

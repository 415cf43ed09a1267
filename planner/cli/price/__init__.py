"""`baseload price`: what a million tokens costs, and what to charge. `command` is the command, `subject` its input."""

"""A month: facts and plan in; variance, charges, regret and next month's plan out. report/ shows it."""

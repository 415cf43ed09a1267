"""What to rent: a traffic forecast in, the cheapest plan out."""

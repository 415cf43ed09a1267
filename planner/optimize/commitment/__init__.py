"""The chronological optimum of given base counts: whole burst nodes hour by hour, with what each launch costs."""

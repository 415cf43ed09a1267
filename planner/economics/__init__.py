"""What a million tokens costs and should cost: of a quick quote, a plan or a month. Pure: values and arithmetic."""

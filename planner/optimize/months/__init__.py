"""Several months at once: which base servers to order and cancel in each, and what may be waited for."""

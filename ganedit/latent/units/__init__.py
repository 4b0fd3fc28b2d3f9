"""Single units of a generator: what they do, and switching them."""

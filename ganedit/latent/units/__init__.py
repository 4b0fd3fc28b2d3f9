"""Single units of a generator: finding out what they do, and switching them."""

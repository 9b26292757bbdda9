"""Topics, sources and the durable log. Not the features computed from them."""

"""Native lists and calls of a tool's own API, as values and pure functions."""

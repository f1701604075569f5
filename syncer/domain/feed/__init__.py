"""Say what changed, to whom, and from where on."""

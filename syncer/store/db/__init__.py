"""Hide what differs between the databases."""

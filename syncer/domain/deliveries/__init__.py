"""Deliveries of the change feed to receivers: messages, and what follows their answers."""

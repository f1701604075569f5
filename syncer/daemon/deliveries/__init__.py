"""Deliveries of the service: one loop for each receiver, none of which waits for another."""

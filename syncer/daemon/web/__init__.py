"""Serve the status page and the health checks of the service."""

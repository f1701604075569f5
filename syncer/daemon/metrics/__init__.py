"""Metrics of the service in the forms of Prometheus: counted in the process, and read from the database."""

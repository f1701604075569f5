"""Make up a company and its records."""

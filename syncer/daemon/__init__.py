"""The service: scheduler, workers, web pages, and their ordered end."""

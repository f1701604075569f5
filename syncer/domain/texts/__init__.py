"""Texts that others wrote, made fit to be kept and shown: without values, and without control characters."""

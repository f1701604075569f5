"""Alerts: which troubles are worth a message, when one begins and is over, and its words."""

"""Kombo's webhooks: their signature, what they tell, and which streams that concerns. Pure."""

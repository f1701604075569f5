"""Describe Kombo's models as data."""

"""Keep a local SQL database equal to what the Kombo unified HR API holds."""

__version__ = "0.1.0"

"""Turn the JSON of a record into a row."""

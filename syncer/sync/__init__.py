"""The use cases: what the program does with the API and the database, each readable in one screen."""

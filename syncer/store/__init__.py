"""Database access, the only folder that knows SQL. Functions take a connection and never commit."""

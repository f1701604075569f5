"""Write records into the mirror."""

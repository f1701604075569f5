"""Answer queries of people about the mirror."""

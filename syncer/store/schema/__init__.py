"""Define tables, views and grants, and migrate them."""

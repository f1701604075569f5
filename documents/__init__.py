"""Pages of the documentation that are made of the code, and the site of all pages; not shipped."""

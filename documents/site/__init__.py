"""The documentation as a site that needs no network: pages to look up, search and read from a folder."""

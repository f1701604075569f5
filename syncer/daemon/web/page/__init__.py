"""The status page: what is shown of the mirror to people, in HTML."""

"""Paging styles of native lists: one class per style, all of them in ``styles.STYLES``."""

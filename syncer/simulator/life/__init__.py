"""Change a made-up company at random."""

"""Keep what must survive a crash."""

"""One environment of the app each: what its API key opens."""

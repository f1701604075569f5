"""Select what is mirrored, and estimate what that takes."""

"""Public API of the package: what ``from syncer import …`` gives."""

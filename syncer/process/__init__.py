"""Set up the process: logging, identity, memory."""

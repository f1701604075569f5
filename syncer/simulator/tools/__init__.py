"""Answer as the native APIs of connected tools."""

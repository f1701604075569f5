"""Gateway: what applications may send, and what becomes of it."""

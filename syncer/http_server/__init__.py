"""HTTP/1.1 server in the running event loop, which clients cannot stop by what they send or leave unsent."""

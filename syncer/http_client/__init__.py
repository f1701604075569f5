"""Parts of every HTTP client: proxy, certificates, words for what goes wrong; and posts to receivers."""

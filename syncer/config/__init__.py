"""Read and check the settings; nothing below the app knows that they exist."""

"""Tell what is erased, by hashes alone, and take it out of whatever comes later."""

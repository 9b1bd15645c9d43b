"""What each key does, one module a noun."""

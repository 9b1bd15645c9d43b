"""The terminal program; it asks services and shows what they say."""

"""Images: what they start from, how they are built, what is in them, and what they take."""

"""Ways in: the sign-in front of a session whose tool has none, and one-shot open links."""

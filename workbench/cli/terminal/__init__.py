"""What commands print and ask, and how the person follows along."""

"""Questions, forms and texts that lie over a screen until they are answered."""

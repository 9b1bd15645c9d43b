"""Small programs between a browser and a session."""

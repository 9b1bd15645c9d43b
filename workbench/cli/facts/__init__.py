"""How things are told to a person."""

"""Sessions are made true: started, looked after, kept private, ended."""

"""The supervisor of a home from outside: started, woken, asked how it is, and kept running by the machine."""

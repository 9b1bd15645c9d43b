"""How a run is asked for: its notebook, its parameters, checked and frozen."""

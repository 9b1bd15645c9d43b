"""Due times: when to look, what is made ready before, and the rows that they become."""

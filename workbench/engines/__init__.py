"""Where environments live and kernels and sessions run: one contract, two engines."""

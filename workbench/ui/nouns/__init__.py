"""What the lists show: one small class for each noun, without widgets."""

"""The `process` engine: a venv per environment, kernels and IDEs as processes of this machine."""

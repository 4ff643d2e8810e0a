"""The facts of a connection to its findings. Pure."""

"""Screenshots of the console, drawn by the running console."""

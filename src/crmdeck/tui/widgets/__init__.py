"""The parts that panes are made of, one widget a file."""

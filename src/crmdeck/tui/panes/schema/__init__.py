"""The schema pane: current and past schemas, and comparisons."""

"""The panes: one look at a connection each."""

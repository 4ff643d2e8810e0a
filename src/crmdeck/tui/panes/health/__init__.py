"""The health pane: how every connection is doing."""

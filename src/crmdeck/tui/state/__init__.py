"""State of the console: undo, messages, saved views, and where the user was."""

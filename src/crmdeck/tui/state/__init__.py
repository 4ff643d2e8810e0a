"""What the console remembers: views, messages, undo, and where the user was."""

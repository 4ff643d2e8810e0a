"""The dialogs, one a file. Each is pushed with `App.push_screen(Dialog(...), callback)`."""

"""An object pair as everybody shows it: its state, rows, session, choices and words. Pure."""

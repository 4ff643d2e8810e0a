"""The state, rows, review session, choices and wording of an object pair. Pure."""

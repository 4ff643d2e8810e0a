"""Keys: the registry of actions, the key queue, and the key table."""

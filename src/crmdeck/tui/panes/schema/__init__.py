"""Schema: objects, fields, as they are, as they were, and held against others."""

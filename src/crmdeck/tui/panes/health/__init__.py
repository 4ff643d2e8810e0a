"""Health: what to do today, and every connection with its findings and history."""

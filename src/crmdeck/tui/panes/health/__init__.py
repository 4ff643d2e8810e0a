"""Health: every connection with its alerts, next steps and history."""

"""What schemas look like outside: to models and back. Pure, and free of client libraries."""

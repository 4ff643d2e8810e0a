"""Loading: worker requests, kept answers, and the watch for changes by others."""

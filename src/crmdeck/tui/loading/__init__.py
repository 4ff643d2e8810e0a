"""Load in the background: requests, kept answers, and the watch for other users' writes."""

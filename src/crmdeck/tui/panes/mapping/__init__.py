"""Mapping: suggested field pairs, gone through with the keyboard."""

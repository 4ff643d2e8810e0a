"""The signals for and against a field pair, one module for each kind.

A signal is a matrix with a row for each left and a column for each right field, values 0 to 1.
"""

"""What speaks for a pair of fields, and what against it: one module for each kind of evidence.

Every signal is a matrix with a row for each left and a column for each right field, its values
from 0 (says nothing) to 1 (says it clearly).
"""

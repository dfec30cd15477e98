"""What everything else is made of: types, errors, limits, and files that are read and written safely.

May import: nothing of the program.
"""

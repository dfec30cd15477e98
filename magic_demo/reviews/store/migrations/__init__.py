"""How a store of an older version becomes one of this version, step by step.

Run whenever a store is opened.
"""

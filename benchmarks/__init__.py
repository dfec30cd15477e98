"""Measurements that are run by hand: ratios within one run, shares that documents state."""

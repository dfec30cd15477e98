"""A program of ours as a process: how it starts, how it ends, and who gives way to whom."""

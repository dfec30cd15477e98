"""Answers of the most similar labelled cases: an index of a train split, searched exactly."""

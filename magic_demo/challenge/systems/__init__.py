"""Outputs of any system, ours or another team's: read as predictions, fused into one, written as challenge
files."""

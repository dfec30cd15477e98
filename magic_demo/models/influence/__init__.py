"""What has a say in a case's answers, how far its scores are calibrated, and why an option has its score."""

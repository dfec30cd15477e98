"""Why an option has its score."""

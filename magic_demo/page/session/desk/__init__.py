"""What the page reviews and where it keeps it: the store, the queues with their files, predictions of a
bundle, references."""

"""What the store is asked, a class for each subject; ``Store`` is all of them."""

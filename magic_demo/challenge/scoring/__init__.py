"""Files of a system beside reference files: the official numbers, and those that were published."""

"""What is handed in: written, and checked by the organisers' own steps."""

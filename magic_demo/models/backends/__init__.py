"""What runs a model's encoders, and in which numbers."""

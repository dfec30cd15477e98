"""What the text-and-photo answerer learns from and by: its data, its loss, its frozen encoders' outputs."""

"""What a run leaves for people: its card, its data's table, its page."""

"""The adjudicators' page ``/learning``: learn from the reviews, compare, use, go back."""

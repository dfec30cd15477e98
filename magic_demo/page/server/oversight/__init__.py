"""The adjudicators' page."""

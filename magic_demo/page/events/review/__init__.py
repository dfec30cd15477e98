"""What a click does in a review: on the cards, in the viewer, in the list of cases and in the bar."""

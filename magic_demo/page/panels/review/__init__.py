"""The bar of a review, and the readings of a case side by side."""

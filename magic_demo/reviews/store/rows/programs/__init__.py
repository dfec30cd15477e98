"""What programs have in the store: tokens, and reviews that wait to be told to them."""

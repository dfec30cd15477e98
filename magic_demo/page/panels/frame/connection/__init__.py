"""The bar that says whether the program answers."""

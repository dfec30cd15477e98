"""How many reviewed cases a better model takes, and whether reviewing the cases that teach most takes fewer."""

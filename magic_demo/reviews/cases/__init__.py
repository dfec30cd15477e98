"""Cases of a store: queued, kept, covered, deleted, and what a killed program left of them."""

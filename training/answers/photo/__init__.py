"""The photo answerer: what is seen in photos, its heads, how far they count, and the report."""

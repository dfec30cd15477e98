"""Several systems side by side on one labelled split."""

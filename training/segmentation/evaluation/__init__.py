"""A segmentation model judged: measured beside baselines, in tables, pictures and a page."""

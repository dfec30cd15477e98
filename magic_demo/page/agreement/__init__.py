"""What the agreement page shows, one file a part: filters, numbers, masks, switches, cases."""

"""The store's tables, one file a table: what is written to it and read from it."""

"""Who may ask for what, and what browsers are told with every answer."""

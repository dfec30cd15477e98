"""One file a format: ``find_...`` tells whether a place holds it, ``read_...`` gathers what it says."""

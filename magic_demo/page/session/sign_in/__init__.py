"""Who is signed in, on which devices, and how often passwords were wrong."""

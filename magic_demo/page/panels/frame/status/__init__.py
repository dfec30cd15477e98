"""The status line and the About panel."""

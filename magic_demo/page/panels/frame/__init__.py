"""What surrounds the panels: top bar, status line, keys, theme, language, connection."""

"""How dates are written where Django writes them: its own formats, but for these."""

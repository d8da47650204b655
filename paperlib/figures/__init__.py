"""Arrays in, matplotlib figures out: one module a chapter; nothing is computed here."""

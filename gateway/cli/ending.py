"""Exit codes: whose fault it was."""

OK, OURS, USAGE, REFUSED = 0, 1, 2, 3

"""Code systems, units and translations of codes: tables of facts with look-ups in both directions."""

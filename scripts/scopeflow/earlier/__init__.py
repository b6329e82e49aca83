"""Results of other programs, taken over as units of a session."""

"""The units in the formats of other programs; traces are copied in pieces of bounded size."""

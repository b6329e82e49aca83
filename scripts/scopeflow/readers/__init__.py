"""Recordings on disk: one small class for each format, behind one interface."""

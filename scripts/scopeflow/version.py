"""The version of the package; kept out of ``__init__`` so that a release reruns nothing."""

__version__ = "0.1.0"

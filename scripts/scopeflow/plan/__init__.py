"""What is to be computed, and by whom: used while the workflow builds its graph.

Everything here is cheap to import (no numerical library) and knows nothing of Snakemake.
"""

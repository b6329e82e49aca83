"""Print how well the cells of simulated sessions were found, and where the results lie.

Call: ``python scripts/print_scores.py results``
"""

import csv
import sys
from pathlib import Path

COLUMNS = {
    "footprint r": "footprint_r_median",
    "calcium r": "calcium_r_median",
    "spikes r": "spikes_r_median",
}


def main(results: Path) -> None:
    """Print a line for each session and variant that has a score."""
    files = sorted(results.glob("*/*/score.tsv"))
    if not files:
        sys.exit(f"{results} holds no score.tsv: only simulated sessions are scored.")
    print("\nCells found against the truth (r: medians over the matched cells)\n")
    print(f"{'session':12} {'variant':10} {'found':>5} {'true':>5} {'F1':>6}", end="")
    print("".join(f" {name:>12}" for name in COLUMNS))
    for file in files:
        with file.open(newline="") as handle:
            row = next(csv.DictReader(handle, delimiter="\t"))
        session, variant = file.parts[-3:-1]
        print(f"{session:12} {variant:10} {row['n_found']:>5} {row['n_true']:>5}", end="")
        print(f" {float(row['f1']):6.3f}", end="")
        print("".join(f" {float(row[key]):12.3f}" for key in COLUMNS.values()))
    print("\nOpen in a browser, to see every step and every cell:")
    for file in files:
        print(f"  {file.parent / 'report.html'}")
    if (results / "cohort.html").is_file():
        print(f"  {results / 'cohort.html'}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "results"))

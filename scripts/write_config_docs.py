"""Write config/config.yaml and the tables of config/README.md from the schemas.

Call it after a change of a schema: ``python scripts/write_config_docs.py``
"""

from pathlib import Path

import yaml

from scopeflow.plan.document import ACTIVE, config_text, with_tables

CONFIG = Path(__file__).parents[1] / "config"


def main() -> None:
    """Renew both files; the active keys of the config keep their values."""
    config = CONFIG / "config.yaml"
    active = yaml.safe_load(config.read_text("utf-8"))
    config.write_text(config_text({key: active[key] for key in ACTIVE}), "utf-8")
    readme = CONFIG / "README.md"
    readme.write_text(with_tables(readme.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()

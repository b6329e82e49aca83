"""Place cells: behaviour tables, the arena, maps of activity, and their tests."""

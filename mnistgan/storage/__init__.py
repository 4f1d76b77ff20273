"""Files: atomic writes, checkpoints, the run directory, tables and formats."""

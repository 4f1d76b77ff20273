"""A run's config: its sections, TOML files, presets and JSON Schema. Imports no torch."""

from mnistgan.config import toml  # noqa: F401 - it words the mistakes in a section
from mnistgan.config.sections import DataConfig, RunConfig, ScoreKind, Section, data_kind

__all__ = ["DataConfig", "RunConfig", "ScoreKind", "Section", "data_kind"]

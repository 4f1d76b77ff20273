"""What the formats of animations can do. Imports nothing, because configs are checked with it."""

ANIMATION_FORMATS = (".gif", ".webp", ".mp4")

GIF_MAX_FPS = 50
"""A GIF stores delays in centiseconds, and browsers show a delay of one as ten."""

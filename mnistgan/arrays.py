"""The types of image and label arrays. Does not import torch."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Images: TypeAlias = npt.NDArray[np.uint8]
"""Images as uint8, N x C x H x W."""

Labels: TypeAlias = npt.NDArray[np.int64]
"""Class numbers as int64, N."""

"""Frame time and size of the pages that ``mnistgan export --format html`` writes, in Chromium.

python benchmarks/html_page.py                 # writes results/html_page.json
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import common
import numpy as np
from playwright.sync_api import Browser, sync_playwright

from mnistgan.config import presets, toml
from mnistgan.export.html import export_html
from mnistgan.models import networks
from mnistgan.sampling.generator import Generator

PRESETS = ("cgan-mlp", "cgan-dcgan")
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "chrome")

# A frame of the walk: a picture of new coordinates, enlarged and put on the page's canvas.
FRAMES = """
async (count) => {
  const pen = document.getElementById("picture").getContext("2d");
  const times = { frame: [], network: [] };
  for (let frame = 0; frame < count; frame += 1) {
    const began = performance.now();
    const query = `seed=5&label=3&s1=${Math.sin(frame / 20)}&side=224&smooth=true`;
    pen.drawImage(await backend.image(query), 0, 0);
    pen.getImageData(0, 0, 1, 1);  // waits until the picture is drawn
    times.frame.push(performance.now() - began);
    const z = backend.z(5, null);
    const before = performance.now();
    backend.pixels(z, 3);
    times.network.push(performance.now() - before);
  }
  return times;
}
"""


def main() -> None:
    """Measure the untrained generator of each preset; training does not change its speed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=500)
    frames = parser.parse_args().frames
    program = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        rows = [measure(browser, name, Path(folder), frames) for name in PRESETS]
        browser.close()
    common.save("html_page", rows)


def measure(browser: Browser, preset: str, folder: Path, frames: int) -> dict[str, Any]:
    """Milliseconds per frame of one preset's page, and the size of its file."""
    config = toml.validate(toml.read_toml(presets.path(preset)), preset)
    classes = tuple("0123456789")
    config = config.model_copy(
        update={"model": config.model.model_copy(update={"classes": classes})}
    )
    generator = Generator(networks.build_generator(config).eval(), config, 0, 0)
    result = export_html(generator, folder / f"{preset}.html")
    page = browser.new_page()
    page.goto(result.path.as_uri())
    page.locator("body[data-drawn]").wait_for()
    page.evaluate(FRAMES, 100)  # V8 compiles the loops after some calls
    times = page.evaluate(FRAMES, frames)
    page.close()
    return {
        "generator": preset,
        "parameters": networks.count_parameters(generator.network),
        "precision": result.precision,
        "megabytes": round(result.path.stat().st_size / 1e6, 2),
        "largest difference": result.difference,
        "frames": frames,
        "network ms": milliseconds(times["network"], 50),
        "median ms": milliseconds(times["frame"], 50),
        "95th percentile ms": milliseconds(times["frame"], 95),
        "browser": f"Chromium {browser.version}",
        "load average": round(os.getloadavg()[0], 1),
    }


def milliseconds(times: list[float], percentile: float) -> float:
    """A percentile, rounded to three digits."""
    return float(f"{np.percentile(times, percentile):.3g}")


if __name__ == "__main__":
    main()

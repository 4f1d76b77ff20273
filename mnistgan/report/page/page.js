// The slider over the grids, and the curves. Text is inserted as text, never as HTML.
"use strict";
{
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;

  // The grids, epoch by epoch

  const slider = document.getElementById("slider");
  if (slider) {
    const grid = document.getElementById("grid");
    const play = document.getElementById("play");
    data.grids.at(-1).source = grid.src;
    let timer = null;

    const show = () => {
      const { epoch, step, source } = data.grids[slider.valueAsNumber];
      grid.src = source;
      grid.alt = `Grid of images from fixed noise after epoch ${epoch}`;
      slider.setAttribute("aria-valuetext", `epoch ${epoch}`);
      document.getElementById("epoch").textContent = epoch;
      document.getElementById("step").textContent = step.toLocaleString("en");
    };

    const stop = () => {
      clearInterval(timer);
      timer = null;
      play.textContent = "Play";
    };

    const next = () => {
      slider.stepUp();
      show();
      if (slider.value === slider.max) stop();
    };

    slider.disabled = false; // browsers restore the slider's old position on reload
    slider.value = slider.max;
    slider.addEventListener("input", () => { stop(); show(); });
    play.hidden = false;
    play.addEventListener("click", () => {
      if (timer) return stop();
      if (slider.value === slider.max) slider.value = 0;
      show();
      play.textContent = "Pause";
      timer = setInterval(next, Math.min(400, Math.max(80, 6000 / data.grids.length)));
    });
  }

  // In print, a few grids in a row

  const fillStrip = () => {
    const strip = document.getElementById("strip");
    if (!strip || strip.childElementCount) return;
    const last = data.grids.length - 1;
    for (const place of new Set([0, Math.round(last / 8), Math.round(last / 3)])) {
      const { epoch, source } = data.grids[place];
      const picture = new Image();
      picture.src = source;
      picture.className = "pixels";
      const caption = document.createElement("p");
      caption.textContent = `epoch ${epoch}`;
      const figure = document.createElement("div");
      figure.append(picture, caption);
      strip.append(figure);
    }
  };

  // The curves

  const STEPS = [...Array(17).keys()].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));
  const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]];
  const color = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  const short = (value) => value == null ? "-" : value.toLocaleString("en", { maximumSignificantDigits: 4 });

  const draw = (figure) => {
    const chart = data.charts[figure.dataset.chart];
    const box = figure.querySelector(".plot");
    const outputs = Object.fromEntries(
      [...figure.querySelectorAll("[data-of]")].map((output) => [output.dataset.of, output]),
    );
    const end = chart.steps.length - 1;

    const showValues = (place) => {
      outputs.step.textContent = chart.steps[place].toLocaleString("en");
      outputs.epoch.textContent = chart.epochs[place];
      chart.lines.forEach((line, n) => { outputs[n].textContent = short(line.values[place]); });
    };

    const columns = [chart.steps];
    const series = [{}];
    const bands = [];
    chart.lines.forEach((line, n) => {
      const stroke = color(`line-${n + 1}`);
      const few = chart.steps.length < 40;
      columns.push(line.values);
      series.push({ stroke, width: 2, dash: DASHES[n], points: { show: few, size: 6, fill: stroke } });
      if (line.low.length) {
        const edge = { stroke: "transparent", width: 0, points: { show: false } };
        bands.push({ series: [columns.length, columns.length + 1], fill: `${stroke}20` });
        columns.push(line.high, line.low);
        series.push({ ...edge }, { ...edge });
      }
    });
    const isEdge = (n) => series[n].width === 0;

    const axis = {
      stroke: color("quiet"),
      font: "12px system-ui, sans-serif",
      grid: { stroke: color("rule"), width: 1 },
      ticks: { show: false },
    };
    const log = { distr: 3, range: (_, low, high) => [low / 1.25, high * 1.25] };
    // A change of one per cent must not fill the height, nor need more digits than are shown.
    const linear = { range: (_, low, high) => {
      const lack = Math.max(0, 0.05 * Math.max(Math.abs(low), Math.abs(high)) - (high - low));
      return uPlot.rangeNum(low - lack / 2, high + lack / 2, 0.1, true);
    } };
    const y = chart.span ? { range: chart.span } : chart.log ? log : linear;
    const x = { time: false };
    if (chart.steps.length === 1) x.range = [chart.steps[0] - 1, chart.steps[0] + 1];
    const logTicks = (_, __, low, high) => {
      const ticks = [];
      const digits = high / low < 1e4 ? [1, 2, 5] : [1];
      const every = Math.ceil(Math.log10(high / low) / 8);
      for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
        if (power % every) continue;
        ticks.push(...digits.map((digit) => digit * 10 ** power).filter((tick) => tick >= low && tick <= high));
      }
      return ticks;
    };
    const ticking = chart.log ? { splits: logTicks, filter: (_, ticks) => ticks } : {};
    return new uPlot({
      width: box.clientWidth,
      height: 260,
      padding: [12, 12, 0, 0],
      legend: { show: false },
      scales: { x, y },
      axes: [
        { ...axis, grid: { show: false }, size: 32, space: 70, incrs: STEPS },
        { ...axis, size: 52, ...ticking, values: (_, ticks) => ticks.map((tick) => tick == null ? "" : short(tick)) },
      ],
      series,
      bands,
      cursor: {
        y: false,
        drag: { x: false, y: false, setScale: false },
        points: { size: (_, n) => isEdge(n) ? 0 : 8, width: 0, fill: (_, n) => isEdge(n) ? "transparent" : series[n].stroke },
      },
      hooks: { setCursor: [(plot) => showValues(plot.cursor.idx ?? end)] },
    }, columns, box);
  };

  const figures = [...document.querySelectorAll("figure.chart")];
  const plots = new Map();
  const drawAll = () => {
    for (const figure of figures) {
      plots.get(figure)?.destroy();
      plots.set(figure, draw(figure));
    }
  };
  drawAll();

  for (const figure of figures) {
    const box = figure.querySelector(".plot");
    new ResizeObserver(() => {
      const plot = plots.get(figure);
      if (box.clientWidth && plot.width !== box.clientWidth) plot.setSize({ width: box.clientWidth, height: 260 });
    }).observe(box);
    box.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
      if (!move) return;
      event.preventDefault();
      const plot = plots.get(figure);
      const end = plot.data[0].length - 1;
      const place = Math.min(end, Math.max(0, (plot.cursor.idx ?? end) + move));
      plot.setCursor({ left: plot.valToPos(plot.data[0][place], "x"), top: 0 });
    });
    const readout = figure.querySelector(".readout");
    box.addEventListener("focus", () => readout.setAttribute("aria-live", "polite"));
    box.addEventListener("blur", () => {
      readout.removeAttribute("aria-live");
      plots.get(figure).setCursor({ left: -10, top: -10 });
    });
  }

  matchMedia("screen and (prefers-color-scheme: dark)").addEventListener("change", drawAll);

  // In print, everything is open and the colors are light

  addEventListener("beforeprint", () => {
    root.classList.add("printing");
    fillStrip();
    drawAll();
    for (const one of document.querySelectorAll("details:not([open])")) {
      one.open = true;
      one.dataset.wasClosed = "";
    }
  });
  addEventListener("afterprint", () => {
    root.classList.remove("printing");
    drawAll();
    for (const one of document.querySelectorAll("details[data-was-closed]")) {
      one.open = false;
      delete one.dataset.wasClosed;
    }
  });
}

// Draws the charts of the page from the numbers in it.
"use strict";
(() => {
  // Without Chart.js there are none.
  const numbers = document.getElementById("chart-numbers");
  const charts = numbers === null ? [] : JSON.parse(numbers.textContent);
  const root = document.documentElement;
  const drawn = new Map();
  const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 });
  const exact = new Intl.NumberFormat("en", { maximumSignificantDigits: 6 });
  // Distinguishable without colour, too.
  const shapes = ["circle", "triangle", "rect", "cross", "star", "rectRot"];
  const dashes = [[], [7, 3], [2, 3], [9, 3, 2, 3], [4, 4], [12, 4]];
  // By which shapes of one radius look equally large.
  const enlarged = { circle: 1, triangle: 1.4, rect: 1.25, cross: 1.1, star: 1.2, rectRot: 1.25 };
  const symbolWidth = 26;
  // More points in all are drawn a chart at a time.
  const drawnAtOnce = 10000;

  const variable = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const colour = (index) => variable(`--series-${(index % 6) + 1}`);
  const faint = (hex, alpha) => hex + Math.round(alpha * 255).toString(16).padStart(2, "0");

  // A band is two lines with the area between them filled.
  function datasets(chart) {
    const sets = [];
    let index = 0;
    let lines = 0;
    const many = chart.series.some((series) => series.marks === "points" && series.x.length > 1000);
    for (const series of chart.series) {
      const isBand = series.marks === "band";
      const paint = colour(index);
      const points = series.x.map((x, i) => ({ x, y: series.y[i] }));
      const shape = shapes[index % shapes.length];
      const common = { borderColor: paint, backgroundColor: paint, individual: series.individual };
      if (isBand) {
        const edge = { ...common, borderWidth: 0, pointRadius: 0, pointHitRadius: 0, isBand, showLine: true };
        sets.push({ ...edge, data: series.x.map((x, i) => ({ x, y: series.top[i] })), label: series.label });
        sets.push({
          ...edge, data: points, label: series.label, fill: "-1", backgroundColor: faint(paint, 0.2),
        });
        continue;  // the line that it belongs to has its colour
      }
      // A line through one point cannot be seen.
      const isLine = series.marks !== "points" && points.filter((point) => point.y !== null).length > 1;
      sets.push({
        ...common,
        label: series.label,
        data: points,
        showLine: isLine,
        stepped: series.marks === "steps",
        borderWidth: isLine ? 2 : 0,
        borderDash: isLine ? dashes[lines++ % dashes.length] : [],
        pointStyle: shape,
        pointRadius: isLine ? 0 : (many ? 1.5 : 3) * enlarged[shape],
        pointBorderWidth: shape === "cross" || shape === "star" ? 1.5 : 0,
        pointHitRadius: 6,
        clip: 6,  // so that points at the edges are whole
        backgroundColor: isLine ? paint : faint(paint, many ? 0.5 : 0.8),
        order: series.marks === "points" ? 1 : 0,
      });
      ++index;
    }
    return sets;
  }

  // Multiples of a step in [min, max], at most `most` of them.
  function linearTicks(min, max, most) {
    const power = 10 ** Math.floor(Math.log10((max - min) / most));
    const count = (step) => Math.floor(max / step) - Math.ceil(min / step) + 1;
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => count(one) <= most) ?? 20 * power;
    const ticks = [];
    for (let i = Math.ceil(min / step); i * step <= max; ++i) ticks.push(i * step);
    return ticks;
  }

  // Those factors of powers of ten that are in [min, max].
  function powerTicks(min, max, factors, every) {
    const ticks = [];
    for (let power = Math.floor(Math.log10(min)); 10 ** power <= max; ++power) {
      if (power % every === 0) ticks.push(...factors.map((factor) => factor * 10 ** power));
    }
    return ticks.filter((tick) => tick >= min && tick <= max);
  }

  // The most ticks of which no two are closer than a seventh of the axis.
  function logarithmicTicks(min, max) {
    const closest = Math.log10(max / min) / 7;
    const choices = [7, 6, 5, 4, 3].map((most) => linearTicks(min, max, most));
    choices.push(powerTicks(min, max, [1, 2, 5], 1), powerTicks(min, max, [1, 3], 1));
    for (let every = 1; every < 100; every *= 2) choices.push(powerTicks(min, max, [1], every));
    const far = (tick, i, ticks) => i === 0 || Math.log10(tick / ticks[i - 1]) >= closest;
    const apart = choices.filter((ticks) => ticks.every(far));
    return apart.reduce((best, ticks) => (ticks.length > best.length ? ticks : best), []);
  }

  function setTicks(scale) {
    const { min, max } = scale;
    if (!(max > min) || max - min < 1e-12) return;
    const values = scale.type === "logarithmic" ? logarithmicTicks(min, max) : linearTicks(min, max, 8);
    scale.ticks = values.map((value) => ({ value }));
  }

  // Where a logarithmic axis begins and ends: a little beyond the numbers.
  function range(numbers) {
    const known = numbers.filter((number) => number > 0);
    const least = known.reduce((a, b) => Math.min(a, b), Infinity);
    const most = known.reduce((a, b) => Math.max(a, b), 0);
    const room = Math.max(1.1, (most / least) ** 0.04);
    return known.length > 0 ? { min: least / room, max: most * room } : {};
  }

  function axis(of, name, chart) {
    const ink = variable("--ink");
    const isX = name === "x";
    const numbers = chart.series.flatMap((series) => series[name]).filter((number) => number !== null);
    const oneNumber = new Set(numbers).size === 1;
    return {
      type: of.logarithmic ? "logarithmic" : "linear",
      bounds: of.logarithmic || isX ? "data" : "ticks",
      beginAtZero: isX || of.from_zero || oneNumber,
      ...(of.logarithmic ? range(numbers) : {}),
      title: { display: true, text: of.logarithmic ? `${of.title} (logarithmic)` : of.title, color: ink },
      ticks: { color: ink, maxTicksLimit: 8, maxRotation: 0, callback: (value) => compact.format(value) },
      afterBuildTicks: of.logarithmic || isX ? setTicks : undefined,
      grid: { color: variable("--line") },
    };
  }

  // Chart.js leaves room for the symbols of a legend; they are as the series in the chart.
  const symbols = {
    id: "symbols",
    afterDraw(chart) {
      if (!chart.legend.options.display) return;
      const context = chart.ctx;
      chart.legend.legendItems.forEach((item, i) => {
        const set = chart.data.datasets[item.datasetIndex];
        const box = chart.legend.legendHitBoxes[i];
        const y = box.top + box.height / 2;
        context.save();
        context.strokeStyle = set.borderColor;
        context.fillStyle = set.borderColor;
        context.beginPath();
        if (set.showLine) {
          context.lineWidth = set.borderWidth;
          context.setLineDash(set.borderDash);
          context.moveTo(box.left, y);
          context.lineTo(box.left + symbolWidth, y);
          context.stroke();
        } else {
          const { pointStyle, pointRadius, pointBorderWidth: borderWidth } = set;
          const radius = Math.max(2.5, pointRadius);
          Chart.helpers.drawPoint(context, { pointStyle, radius, borderWidth }, box.left + symbolWidth / 2, y);
        }
        context.restore();
      });
    },
  };

  function tooltip(item) {
    const individual = item.dataset.individual;
    const name = individual ? `individual ${individual[item.dataIndex]}, ` : "";
    return `${item.dataset.label}: ${name}${exact.format(item.parsed.y)} at ${exact.format(item.parsed.x)}`;
  }

  // Of the series that can be seen; what stands before them is drawn by `symbols`. Long names that a narrow page
  // has no room for lose their beginnings, as they differ at their ends.
  function labels(chart) {
    const room = Math.floor((chart.width - 2 * symbolWidth) / 6.2);
    const short = (text) => (text.length > room ? `…${text.slice(1 - room)}` : text);
    return Chart.defaults.plugins.legend.labels.generateLabels(chart)
      .filter(({ datasetIndex }) => {
        const set = chart.data.datasets[datasetIndex];
        return !set.isBand && set.data.length > 0;
      })
      .map((item) => ({ ...item, text: short(item.text), fillStyle: "transparent", lineWidth: 0 }));
  }

  function draw(chart) {
    if (drawn.has(chart.id)) return;
    const canvas = document.querySelector(`#${chart.id} canvas`);
    drawn.set(chart.id, new Chart(canvas, {
      type: "scatter",
      data: { datasets: datasets(chart) },
      options: {
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        parsing: true,
        devicePixelRatio: root.classList.contains("printing") ? 3 : undefined,
        interaction: { mode: "nearest", intersect: false },
        scales: { x: axis(chart.x, "x", chart), y: axis(chart.y, "y", chart) },
        plugins: {
          legend: {
            display: chart.series.length > 1,
            labels: {
              color: variable("--ink"),
              boxWidth: symbolWidth,
              boxHeight: 8,
              generateLabels: labels,
            },
          },
          tooltip: { callbacks: { title: () => "", label: tooltip }, filter: (item) => !item.dataset.isBand },
        },
      },
      plugins: [symbols],
    }));
    canvas.dataset.drawn = "yes";
  }

  // The first screen at once, and the rest too where it takes no time.
  function drawFirst() {
    const points = charts.flatMap((chart) => chart.series).reduce((sum, series) => sum + series.x.length, 0);
    const onScreen = (chart) => document.getElementById(chart.id).getBoundingClientRect().top < innerHeight;
    charts.filter((chart) => points <= drawnAtOnce || onScreen(chart)).forEach(draw);
    drawLater();
  }

  // One after the other, so that the page can be scrolled meanwhile.
  function drawLater() {
    const next = charts.find((chart) => !drawn.has(chart.id));
    if (!next) return;
    draw(next);
    setTimeout(drawLater, 0);
  }

  function redraw() {
    for (const chart of drawn.values()) chart.destroy();
    drawn.clear();
    charts.forEach(draw);
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("beforeprint", () => { root.classList.add("printing"); redraw(); });
  addEventListener("afterprint", () => { root.classList.remove("printing"); redraw(); });

  for (const button of document.querySelectorAll("button.copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const text = document.getElementById(button.dataset.from);
      text.select();
      try {
        await navigator.clipboard.writeText(text.value);
      } catch {
        document.execCommand("copy");
      }
      button.textContent = "Copied";
    });
  }

  if (typeof Chart !== "undefined") drawFirst();
})();

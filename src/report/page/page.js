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

  const variable = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const colour = (index) => variable(`--series-${(index % 6) + 1}`);
  const faint = (hex, alpha) => hex + Math.round(alpha * 255).toString(16).padStart(2, "0");

  // A band is two lines with the area between them filled.
  function datasets(chart) {
    const sets = [];
    let index = 0;
    let lines = 0;
    for (const series of chart.series) {
      const isBand = series.marks === "band";
      const paint = colour(index);
      const points = series.x.map((x, i) => ({ x, y: series.y[i] }));
      const common = { borderColor: paint, backgroundColor: paint, individual: series.individual };
      if (isBand) {
        const edge = { ...common, borderWidth: 0, pointRadius: 0, pointHitRadius: 0, isBand, showLine: true };
        sets.push({ ...edge, data: series.x.map((x, i) => ({ x, y: series.top[i] })), label: series.label });
        sets.push({
          ...edge, data: points, label: series.label, fill: "-1", backgroundColor: faint(paint, 0.2),
        });
        continue;  // the line that it belongs to has its colour
      }
      const isLine = series.marks !== "points";
      sets.push({
        ...common,
        label: series.label,
        data: points,
        showLine: isLine,
        stepped: series.marks === "steps",
        borderWidth: isLine ? 2 : 0,
        borderDash: isLine ? dashes[lines++ % dashes.length] : [],
        pointStyle: isLine ? "line" : shapes[index % shapes.length],
        pointRadius: isLine ? 0 : points.length > 1000 ? 1.5 : 3,
        pointHitRadius: 6,
        backgroundColor: isLine ? paint : faint(paint, points.length > 1000 ? 0.5 : 0.8),
        order: isLine ? 0 : 1,
      });
      ++index;
    }
    return sets;
  }

  function axis(of, bounds) {
    const ink = variable("--ink");
    return {
      type: of.logarithmic ? "logarithmic" : "linear",
      bounds: of.logarithmic ? "ticks" : bounds,
      beginAtZero: bounds === "data",
      title: { display: true, text: of.title, color: ink },
      ticks: { color: ink, maxTicksLimit: 7, maxRotation: 0, includeBounds: false, callback: (value) => compact.format(value) },
      grid: { color: variable("--line") },
    };
  }

  function tooltip(item) {
    const individual = item.dataset.individual;
    const name = individual ? `individual ${individual[item.dataIndex]}, ` : "";
    return `${item.dataset.label}: ${name}${exact.format(item.parsed.y)} at ${exact.format(item.parsed.x)}`;
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
        interaction: { mode: "nearest", intersect: false },
        scales: { x: axis(chart.x, "data"), y: axis(chart.y, "ticks") },
        plugins: {
          legend: {
            display: chart.series.length > 1,
            labels: {
              color: variable("--ink"),
              usePointStyle: true,
              filter: (item, data) => !data.datasets[item.datasetIndex].isBand,
            },
          },
          tooltip: { callbacks: { title: () => "", label: tooltip }, filter: (item) => !item.dataset.isBand },
        },
      },
    }));
    canvas.dataset.drawn = "yes";
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

  if (typeof Chart !== "undefined") drawLater();
})();

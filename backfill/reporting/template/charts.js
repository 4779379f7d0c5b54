// Draws what the element "data" holds. Colours are read from the style sheet at every drawing, so
// that a change of scheme, and paper, get theirs.
(() => {
  "use strict";
  const root = document.documentElement;
  const data = JSON.parse(document.getElementById("data").textContent);
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const stream = (index) => colour(`--stream-${index % 8}`);
  const last = (column) => column[column.length - 1];
  const charts = [];
  root.classList.add("script");
  let is_paper = false;
  const letters = () => (is_paper ? 8 : 11);

  const trimmed = (number, digits) => String(Number(number.toPrecision(digits)));
  const short = (n) =>
    n >= 1e9 ? `${trimmed(n / 1e9, 3)} G` : n >= 1e6 ? `${trimmed(n / 1e6, 3)} M`
    : n >= 1e4 ? `${trimmed(n / 1e3, 3)} k` : n >= 1e3 ? n.toLocaleString("en", { maximumFractionDigits: 0 })
    : trimmed(n, 3);
  const two = (n) => String(n).padStart(2, "0");
  const lasted = (s) => {
    if (s < 1 && s > 0) return `${trimmed(s * 1000, 3)} ms`;
    if (s < 120) return `${trimmed(s, 3)} s`;
    const minutes = Math.floor(s / 60 + 1e-9), rest = Math.round(s - minutes * 60);
    if (s < 7200) return rest ? `${minutes}:${two(rest)} min` : `${minutes} min`;
    return minutes % 60 ? `${Math.floor(minutes / 60)}:${two(minutes % 60)} h` : `${minutes / 60} h`;
  };
  const bytes = (n) => (n ? `${n / 1000} KB` : "0");

  // One behind the other as the streams were sent: a strip in the stream's colour, its name above.
  const drawBands = (u) => {
    const { ctx } = u, px = uPlot.pxRatio, { left, top, width } = u.bbox;
    const at = (s) => Math.min(left + width, Math.max(left, u.valToPos(s, "x", true)));
    let free = left;
    ctx.save();
    ctx.font = `${letters() * px}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "bottom";
    for (const [index, from, to] of data.bands) {
      const x = at(from), w = Math.max(at(to) - x, px);
      ctx.fillStyle = stream(index);
      ctx.fillRect(x, top - 4 * px, w, 3 * px);
      const name = data.streams[index], long = ctx.measureText(name).width;
      if (x >= free && long <= Math.max(w, 0) + 2 * px) {
        ctx.fillStyle = colour("--soft");
        ctx.fillText(name, x, top - 6 * px);
        free = x + long + 6 * px;
      }
    }
    ctx.restore();
  };
  const drawResumes = (u) => {
    const { ctx } = u, px = uPlot.pxRatio, { left, top, width, height } = u.bbox;
    ctx.save();
    ctx.fillStyle = colour("--ink");
    ctx.font = `${letters() * px}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "top";
    let free = left;
    for (const [s, pause_s] of data.resumes) {
      const x = Math.round(u.valToPos(s, "x", true)) + px / 2;
      ctx.strokeStyle = colour("--ink");
      ctx.lineWidth = px;
      ctx.setLineDash([4 * px, 3 * px]);
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, top + height);
      ctx.stroke();
      const word = `${lasted(pause_s)} later`, long = ctx.measureText(word).width;
      if (x >= free && x + long + 4 * px < left + width) {
        ctx.setLineDash([]);
        ctx.strokeStyle = colour("--card");
        ctx.lineWidth = 4 * px;
        ctx.strokeText(word, x + 4 * px, top + 3 * px);
        ctx.fillText(word, x + 4 * px, top + 3 * px);
        free = x + long + 8 * px;
      }
    }
    ctx.restore();
  };

  const axis = (values, more) => ({
    stroke: () => colour("--soft"), font: `${letters()}px system-ui, sans-serif`, gap: 4,
    grid: { stroke: () => colour("--line"), width: 1 },
    ticks: { stroke: () => colour("--line"), width: 1, size: 4 },
    values: (_, splits) => splits.map((v) => (v === null || v === undefined ? "" : values(v))), ...more,
  });
  const wide = (_, values) =>
    values ? 14 + letters() * 0.57 * Math.max(...values.map((v) => String(v ?? "").length)) : 40;

  const line = (name, shade, more) => ({
    label: name, stroke: () => colour(shade), width: 1.5, points: { show: false }, ...more,
  });
  const steps = uPlot.paths.stepped({ align: 1 });
  const area = (name, shade, more) =>
    line(name, shade, { paths: steps, fill: () => `color-mix(in srgb, ${colour(shade)} 22%, transparent)`, ...more });

  // Paper is narrower than most windows: a page of A4 or Letter holds two charts beside each other.
  const PAPER = { half: 330, whole: 682, flat: 0.6 };
  const sizing = (place, height) => () => {
    if (!is_paper) return { width: Math.max(200, Math.floor(place.clientWidth)), height };
    const is_whole = place.parentElement.classList.contains("whole");
    return { width: is_whole ? PAPER.whole : PAPER.half, height: Math.round(height * PAPER.flat) };
  };

  function put(id, told) {
    const place = document.querySelector(`[data-chart="${id}"]`);
    if (!place) return;
    const shown = place.parentElement.querySelector("output");
    const size = sizing(place, told.height || 190);
    const chart = new uPlot({
      ...size(),
      padding: [told.is_over_time ? 22 : 10, 20, 0, 0],
      legend: { show: false },
      cursor: {
        drag: { x: false, y: false }, y: false,
        points: { show: false },
        sync: told.is_over_time ? { key: "time", setSeries: false } : undefined,
        dataIdx: (u, _, near) => {
          if (!told.is_stepped) return near;
          const x = u.posToVal(u.cursor.left, "x");
          return Math.min(x < u.data[0][near] ? Math.max(0, near - 1) : near, u.data[0].length - 2);
        },
      },
      scales: { x: { time: false, range: () => told.span }, y: told.y },
      axes: told.axes,
      series: [{}, ...told.series],
      hooks: {
        drawClear: told.is_over_time ? [drawBands] : [],
        draw: told.is_over_time ? [drawResumes] : [],
        setLegend: [(u) => {
          const i = u.cursor.idxs?.[1] ?? null;
          shown.textContent = i === null || !told.says ? "" : told.says(i);
        }],
      },
    }, told.columns, place);
    charts.push({ chart, size });
  }

  const upTo = { range: (_, __, most) => [0, most > 0 ? most * 1.06 : 1] };
  const seconds = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];
  const counts = [0, 1, 2, 3, 4, 5, 6].flatMap((power) => [1, 2, 5].map((n) => n * 10 ** power));
  const fine = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, ...seconds];
  const overTime = (columns, series, y, values, says, more) => ({
    is_over_time: true, span: [0, data.long_s], columns, series, y, says,
    axes: [axis(lasted, { incrs: fine, space: 60, size: 28 }), axis(values, { size: wide, space: 32 })], ...more,
  });

  function overTheRun() {
    const s = data.series, left = data.left, stepped = { is_stepped: true };
    if (!left.length) return;
    const closed = (column) => [...column, last(column)];
    const at = (i) => `${lasted(left[i])}:`;
    const xs = [...left, data.long_s];
    put("operations", overTime([xs, closed(s.operations)], [area("operations", "--one")], upTo, short,
      (i) => `${at(i)} ${short(s.operations[i])} operations/s`, { ...stepped, height: 220 }));
    put("requests", overTime([xs, closed(s.requests), closed(s.again)],
      [area("requests", "--one"), area("not accepted", "--bad", { width: 0, fill: () => colour("--bad") })], upTo, short,
      (i) => `${at(i)} ${short(s.requests[i])}/s, ${short(s.again[i])}/s not accepted`, stepped));
    put("megabytes", overTime([xs, closed(s.megabytes)], [area("MB", "--one")], upTo, short,
      (i) => `${at(i)} ${short(s.megabytes[i])} MB/s`, stepped));
    const known = [...s.p50, ...s.max].filter((v) => v !== null && v > 0);
    const is_log = Math.max(...known) / Math.min(...known) > 50;
    const few = { show: left.length < 60, size: 5, fill: () => colour("--card") };
    put("latency", overTime([data.x, s.max, s.p95, s.p50],
      [line("slowest", "--three", { width: 1, points: few }), line("95 %", "--two", { points: few }), line("median", "--one", { width: 2, points: few })],
      is_log ? { distr: 3 } : upTo, lasted,
      (i) => (s.p50[i] === null ? `${at(i)} no answer` : `${at(i)} ${lasted(s.p50[i])}, ${lasted(s.p95[i])}, ${lasted(s.max[i])}`)));
    put("in_flight", overTime([xs, closed(s.in_flight_max), closed(s.in_flight)],
      [line("most", "--two", { paths: steps, width: 1 }), area("mean", "--one")], upTo, short,
      (i) => `${at(i)} ${short(s.in_flight[i])} on average, ${short(s.in_flight_max[i])} at most`, stepped));
  }

  function histogram(id, found, values, says, spread) {
    const starts = found.edges.slice(0, -1);
    put(id, {
      span: [0, last(found.edges)], columns: [starts, found.counts], y: upTo, says: (i) => says(found, i),
      is_stepped: false,
      series: [line("batches", "--one", {
        width: 0, fill: () => colour("--one"),
        paths: uPlot.paths.bars({ align: 1, size: [0.92, Infinity] }),
      })],
      axes: [axis(values, { size: 28, ...spread }), axis(short, { size: wide, space: 32, incrs: counts })],
    });
  }

  function drawAll() {
    charts.splice(0).forEach(({ chart }) => chart.destroy());
    overTheRun();
    histogram("bytes", data.bytes, bytes,
      (f, i) => `${bytes(f.edges[i])} to ${bytes(f.edges[i + 1])}: ${short(f.counts[i])} batches`,
      { incrs: [1e5], space: 30 });
    histogram("batch_operations", data.operations, short,
      (f, i) => `${short(f.edges[i])} to ${short(f.edges[i + 1])} operations: ${short(f.counts[i])} batches`,
      { incrs: counts, space: 40 });
  }

  const turn = (to_paper) => () => {
    is_paper = to_paper;
    root.classList.toggle("paper", to_paper);
    drawAll();
  };
  const fit = () => is_paper || charts.forEach(({ chart, size }) => chart.setSize(size()));
  const asPaper = matchMedia("print");
  turn(asPaper.matches)();
  addEventListener("beforeprint", turn(true));
  addEventListener("afterprint", turn(false));
  addEventListener("resize", fit);
  asPaper.addEventListener("change", (e) => turn(e.matches)());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach(({ chart }) => chart.redraw(false)));
})();

// Charts by uPlot, from JSON in the page. The page has the same figures as a
// table: a chart is for those who see it, and its numbers are never computed
// with again.
import uPlot from "uplot";

interface Series {
  label: string;
  /** Decimal strings; null where there is none. */
  values: (string | null)[];
}
interface Spec {
  kind: "line" | "bars" | "stacked" | "waterfall";
  /** Dates (2026-10-31) or names. */
  x: string[];
  dates: boolean;
  series: Series[];
  /** Horizontal lines, such as a threshold. */
  marks?: { label: string; value: string }[];
  unit: string;
}

const height = 240; // px
const charts = new Map<HTMLElement, uPlot>();

export function drawCharts(root: ParentNode): void {
  for (const [place, chart] of charts) {
    if (!place.isConnected) {
      chart.destroy();
      charts.delete(place);
    }
  }
  for (const place of root.querySelectorAll<HTMLElement>("[data-chart]")) draw(place);
}

document.addEventListener("theme", () => drawCharts(document));
const resized = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    const chart = charts.get(target as HTMLElement);
    if (chart && contentRect.width > 0 && Math.round(contentRect.width) !== chart.width) chart.setSize({ width: Math.round(contentRect.width), height });
  }
});

function draw(place: HTMLElement): void {
  const json = document.getElementById(place.dataset.chart ?? "");
  if (!json?.textContent) return;
  charts.get(place)?.destroy();
  const spec = JSON.parse(json.textContent) as Spec;
  const chart = new uPlot(options(spec, place), data(spec), place);
  charts.set(place, chart);
  resized.observe(place);
}

const number = (s: string | null) => (s === null ? null : Number(s));

/** What is drawn: stacks and waterfalls are sums. */
function data(spec: Spec): uPlot.AlignedData {
  const x = spec.dates ? spec.x.map((d) => Date.parse(d + "T00:00:00Z") / 1000) : spec.x.map((_, i) => i);
  const rows = spec.series.map((s) => s.values.map(number));
  if (spec.kind === "stacked") {
    for (let i = 1; i < rows.length; i++) rows[i] = rows[i].map((v, n) => (v ?? 0) + (rows[i - 1][n] ?? 0));
    rows.reverse(); // the highest is drawn first
  }
  if (spec.kind === "waterfall") {
    // Each step is added to those before; what is in the second series stands by itself.
    let sum = 0;
    const ends = rows[0].map((v, n) => (sum = rows[1]?.[n] ?? sum + (v ?? 0)));
    return [x, ends];
  }
  return [x, ...rows];
}

function options(spec: Spec, place: HTMLElement): uPlot.Options {
  const css = getComputedStyle(place);
  const color = (name: string) => css.getPropertyValue(name).trim();
  const text = color("--text-muted");
  const font = `12px ${css.fontFamily}`;
  const axis = { stroke: text, font, grid: { stroke: color("--line"), width: 1 }, ticks: { show: false } };
  const paths = spec.kind === "line" ? undefined : spec.kind === "waterfall" ? steps(spec, color) : uPlot.paths.bars!({ size: [0.7, 40], radius: 0.1 });
  const drawn: uPlot.Series[] = spec.series.map((s, i) => {
    const c = color(`--chart-${(i % 8) + 1}`);
    return {
      label: s.label, stroke: c, width: spec.kind === "line" ? 2 : 0, points: { show: false }, paths,
      fill: spec.kind !== "line" ? c : i === 0 && spec.series.length === 1 ? c + "22" : undefined,
    };
  });
  if (spec.kind === "stacked") drawn.reverse();
  if (spec.kind === "waterfall") drawn.length = 1;
  const values = (u: uPlot, split: number[]) => split.map((v) => compact(v, u.axes[1].scale ?? ""));
  const days = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
  return {
    width: Math.max(place.clientWidth, 200), height, series: [{}, ...drawn],
    legend: { show: false }, cursor: { show: false }, padding: [12, 8, 0, 0],
    tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), "Etc/UTC"),
    scales: {
      x: { time: spec.dates, range: (_u, min, max) => [min - pad(spec), max + pad(spec)] },
      y: { range: (_u, min, max) => range(spec, min, max) },
    },
    axes: [
      {
        ...axis, grid: { show: false }, size: 32, space: spec.dates ? 56 : 72,
        splits: spec.dates ? undefined : () => spec.x.map((_, i) => i),
        values: spec.dates ? (_u, split) => split.map((v) => days.format(v * 1000)) : (_u, split) => split.map((i) => spec.x[i] ?? ""),
      },
      { ...axis, size: 58, values },
    ],
    hooks: { draw: [(u) => marks(u, spec, color, font)] },
  };
}

const day = 24 * 60 * 60; // s
const pad = (spec: Spec) => (spec.kind === "line" ? 0 : spec.dates ? day * 0.6 : 0.6);

function range(spec: Spec, min: number, max: number): uPlot.Range.MinMax {
  const at = (spec.marks ?? []).map((m) => Number(m.value));
  let low = Math.min(min, 0, ...at);
  let high = Math.max(max, 0, ...at);
  if (low === high) high = low + 1;
  const room = (high - low) * 0.06;
  if (low < 0) low -= room;
  return [low, high + room];
}

function compact(v: number, _scale: string): string {
  return new Intl.NumberFormat("en-GB", { notation: Math.abs(v) >= 10_000 ? "compact" : "standard", maximumFractionDigits: Math.abs(v) < 10 ? 2 : 1 }).format(v);
}

/** Horizontal lines with their names. */
function marks(u: uPlot, spec: Spec, color: (name: string) => string, font: string): void {
  const ctx = u.ctx;
  for (const m of spec.marks ?? []) {
    const y = Math.round(u.valToPos(Number(m.value), "y", true)) + 0.5;
    ctx.save();
    ctx.strokeStyle = color("--text-muted");
    ctx.fillStyle = color("--text-muted");
    ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(u.bbox.left, y);
    ctx.lineTo(u.bbox.left + u.bbox.width, y);
    ctx.stroke();
    ctx.font = font.replace("12px", `${12 * devicePixelRatio}px`);
    ctx.textAlign = "right";
    ctx.fillText(m.label, u.bbox.left + u.bbox.width, y - 5 * devicePixelRatio);
    ctx.restore();
  }
}

/** Bars of a waterfall, each from where the last one ended. */
function steps(spec: Spec, color: (name: string) => string): uPlot.Series.PathBuilder {
  const alone = spec.series[1]?.values.map(number) ?? [];
  return (u, seriesIdx) => {
    const ends = u.data[seriesIdx] as number[];
    const ctx = u.ctx;
    const width = Math.min(48 * devicePixelRatio, Math.abs(u.valToPos(1, "x", true) - u.valToPos(0, "x", true)) * 0.6);
    ctx.save();
    ends.forEach((end, i) => {
      const whole = alone[i] !== null && alone[i] !== undefined;
      const start = whole || i === 0 ? 0 : ends[i - 1];
      const from = u.valToPos(start, "y", true);
      const to = u.valToPos(end, "y", true);
      ctx.fillStyle = color(whole ? "--chart-1" : end < start ? "--chart-down" : "--chart-up");
      ctx.fillRect(u.valToPos(i, "x", true) - width / 2, Math.min(from, to), width, Math.max(Math.abs(to - from), 1.5 * devicePixelRatio));
    });
    ctx.restore();
    return null;
  };
}

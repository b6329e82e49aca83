"""Script of the unit browser: unpacks the traces and shows the unit that is selected."""

# Once per page: bytes from text. DecompressionStream is part of every browser since 2023.
UNPACK = """
window.scopeflow.unpack = async function (text) {
  const characters = atob(text), bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};
// Units in the order of a column, lowest first; without a value last.
window.scopeflow.order = function (units, name) {
  const values = units.data[name], missing = (k) => Number(Number.isNaN(values[k]));
  return Array.from({ length: values.length }, (_, i) => i)
    .sort((a, b) => missing(a) - missing(b) || values[a] - values[b] || a - b);
};
window.scopeflow.heading = function (units, name) {
  const k = units.selected.indices[0], order = window.scopeflow.order(units, name);
  const place = `${order.indexOf(k) + 1} of ${order.length} by ${name}, lowest first`;
  return k === undefined ? "" : `<b>unit ${units.data.unit_id[k]}</b>, ${place}`;
};
// The table follows; a click on a head of the table sorts by that one.
window.scopeflow.sort = function (units, table, name) {
  const grid = Bokeh.index.find_one(table)?.grid;
  const column = grid?.getColumns().find((c) => c.field === name);
  if (column) grid.setSortColumns([{ columnId: column.id, sortAsc: true }]);
  units.change.emit();
  table.view.change.emit();
};
window.scopeflow.unpacked = async function () {
  const packed = window.scopeflow.units;
  if (packed.ready) return packed.ready;
  packed.ready = (async () => {
    const out = { lags_s: packed.lags_s };
    out.footprints = await window.scopeflow.unpack(packed.footprints);
    for (const name of ["points_s", "bins_s"])
      out[name] = new Float32Array((await window.scopeflow.unpack(packed[name])).buffer);
    for (const name of ["raw", "calcium", "spikes", "event"]) {
      const bytes = await window.scopeflow.unpack(packed[name].bytes), { low, step } = packed[name];
      const length = low.length ? bytes.length / low.length : 0;
      out[name] = (k) => {
        const values = new Float32Array(length);
        for (let i = 0; i < length; i++) {
          const byte = bytes[k * length + i];
          values[i] = byte === 255 ? NaN : low[k] + step[k] * byte;
        }
        return values;
      };
    }
    return out;
  })();
  return packed.ready;
};
"""

# When the selection changes. Two clicks in a row may finish in any order: the last one holds.
SHOW = """
(async () => {
const k = units.selected.indices[0];
if (k === undefined) return;
window.scopeflow.shown = k;
const all = await window.scopeflow.unpacked();
if (window.scopeflow.shown !== k) return;
const u = (name) => units.data[name][k];

raw.data = { time_s: all.points_s, value: all.raw(k) };
const calcium = all.calcium(k), n = calcium.length, fitted = new Float32Array(n);
const tau = Math.max(u("tau_decay_s"), 1e-6);
for (let i = 0; i < n; i++)
  fitted[i] = calcium[i] + u("b0") + u("c0") * Math.exp(-(all.bins_s[i] - all.bins_s[0]) / tau);
fit.data = { time_s: all.bins_s, fit: fitted, calcium };
const heights = all.spikes(k), at = [], height = [];
for (let i = 0; i < n; i++) if (heights[i] > 0) { at.push(all.bins_s[i]); height.push(heights[i]); }
spikes.data = { time_s: at, zero: at.map(() => 0), height };

const fps = window.scopeflow.units.fps_hz, last = all.lags_s[all.lags_s.length - 1] || 0;
const count = Math.round(last * fps) + 1, h = new Float64Array(count);
for (let t = 0; t < count; t++)
  h[t] = (t === 0 ? 1 : 0) + (t > 0 ? u("g0") * h[t - 1] : 0) + (t > 1 ? u("g1") * h[t - 2] : 0);
const top = h.reduce((a, b) => Math.max(a, b), 0);
pulse.data = { time_s: Array.from(h, (_, t) => t / fps), value: Array.from(h, (v) => v / top) };
event.data = { time_s: all.lags_s, value: all.event(k) };

const pixels = side * side, image = footprint.data.image[0];
for (let i = 0; i < pixels; i++) image[i] = all.footprints[k * pixels + i] / 255;
const left = u("left") - 0.5, upper = u("top") - 0.5;
footprint.data.x[0] = left;
footprint.data.y[0] = upper;
footprint.change.emit();
near_x.start = left; near_x.end = left + side;
near_y.start = upper + side; near_y.end = upper;

const rows = shown.map(([name, label]) => {
  const value = units.data[name][k];
  const text = typeof value === "number" ? String(Number(value.toPrecision(4))) : value;
  return `<tr><td>${label}</td><td class="n">${text}</td></tr>`;
});
words.text = `<table class="unit">${rows.join("")}</table>`;
heading.text = window.scopeflow.heading(units, column.value);
number.value = u("unit_id");
raw_title.text = `unit ${u("unit_id")}: raw trace and fit`;
})();
"""

# In the order of the chosen column; `step` is 1 or -1.
MOVE = """
const order = window.scopeflow.order(units, column.value), n = order.length;
const here = order.indexOf(units.selected.indices[0] ?? order[0]);
units.selected.indices = [order[(here + step + n) % n]];
"""

FIND = """
const k = Array.from(units.data.unit_id).indexOf(number.value);
if (k >= 0 && units.selected.indices[0] !== k) units.selected.indices = [k];
"""

COLOUR = """
const values = Array.from(units.data[column.value]).filter((v) => !Number.isNaN(v));
values.sort((a, b) => a - b);
const at = (share) => values[Math.round(share * (values.length - 1))] ?? 0;
mapper.low = at(0.02);
mapper.high = Math.max(at(0.98), at(0.02) + 1e-9);
units.data.shade = Array.from(units.data[column.value]);
bar.title = column.value;
heading.text = window.scopeflow.heading(units, column.value);
window.scopeflow.sort(units, table, column.value);
"""

# Runs when the figure stands: arrows go to the next unit, and the lowest one is shown.
START = """
const units = document_.get_model_by_name("units");
document.addEventListener("keydown", (key) => {
  if (key.target.closest?.("input, select, textarea") || key.altKey || key.ctrlKey) return;
  const step = { ArrowRight: "go-next", ArrowLeft: "go-previous" }[key.key];
  const box = document.getElementById("units").getBoundingClientRect();
  if (!step || box.top > window.innerHeight || box.bottom < 0) return;
  key.preventDefault();
  document_.get_model_by_name(step).execute(units);
});
const chosen = document_.get_model_by_name("column").value;
if (units.get_length()) {
  window.scopeflow.sort(units, document_.get_model_by_name("unit-table"), chosen);
  units.selected.indices = [window.scopeflow.order(units, chosen)[0]];
}
"""

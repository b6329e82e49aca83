"""What runs in the browser itself: keys, playing, and asking for one frame at a time."""

from bokeh.core.properties import Bool, Float, Int, String
from bokeh.model.data_model import DataModel

# Keys that are decided upon by the server, with what they do.
KEYS = {
    "ArrowRight": "next unit",
    "ArrowLeft": "previous unit",
    "o": "next unit that is not decided",
    "PageDown": "next group of neighbours",
    "PageUp": "previous group of neighbours",
    "g": "show with the nearest neighbours, or alone",
    "k": "keep",
    "d": "drop",
    "m": "merge the chosen units into the first",
    "s": "split into two cells (of one that is in two pieces: the pieces)",
    "c": "clear: decide nothing of it",
    "u": "undo",
    "r": "redo",
    "e": "jump to the next large event",
    "z": "zoom to the unit, or to the whole field",
}
# Keys that the browser answers alone.
KEYS_HERE = {
    " ": "play or pause",
    ".": "next frame",
    ",": "previous frame",
    "n": "write a note (Enter saves it, Escape leaves)",
    "h": "this help",
}


class Wire(DataModel):
    """What the browser tells the server, and the other way round.

    Attributes
    ----------
    key : str
        Last key for the server, with a counter so that a repeat is a change.
    ask, shown : int
        Frame that the browser asks for, and the one it was sent last.
    playing : bool
    speed : float
        Of playing, in times of the recording's own.
    """

    key = String("")
    ask = Int(-1)
    shown = Int(-1)
    playing = Bool(False)
    speed = Float(1.0)


# A frame is asked for only when the one before has come: a slow connection skips frames
# instead of falling behind.
ASK = """
const want = slider.value
const t = times.data.time_s[want]
for (const line of cursors) { line.location = t }
if (window.scopeflow_waiting == null && want != wire.shown) {
  window.scopeflow_waiting = want
  wire.ask = want
}
"""

SHOWN = """
window.scopeflow_waiting = null
if (slider.value != wire.shown) {
  window.scopeflow_waiting = slider.value
  wire.ask = slider.value
}
"""

PLAY = """
play.label = wire.playing ? "❚❚ pause" : "▶ play"
if (wire.playing) {
  const from = slider.value >= slider.end ? 0 : slider.value
  const start = performance.now()
  const times_s = times.data.time_s
  const run = ++window.scopeflow_run
  const step = () => {
    if (!wire.playing || run != window.scopeflow_run) { return }
    const now_s = times_s[from] + (performance.now() - start) / 1000 * wire.speed
    let t = Math.max(slider.value, from)
    if (slider.value < from) { t = from }
    while (t < slider.end && times_s[t + 1] <= now_s) { t += 1 }
    slider.value = t
    if (t >= slider.end) { wire.playing = false } else { requestAnimationFrame(step) }
  }
  if (slider.value >= slider.end) { slider.value = 0 }
  requestAnimationFrame(step)
}
"""

JUMP = """
const times_s = times.data.time_s
let low = 0, high = times_s.length - 1
while (low < high) {
  const middle = (low + high) >> 1
  if (times_s[middle] < cb_obj.x) { low = middle + 1 } else { high = middle }
}
if (low > 0 && cb_obj.x - times_s[low - 1] < times_s[low] - cb_obj.x) { low -= 1 }
slider.value = low
"""

READY = """
window.scopeflow_run = 0
window.scopeflow_waiting = null
window.scopeflow_ready_ms = performance.now()
// A table takes the focus whenever its rows change: out of a note, whose letters would then
// be keys. It may not.
const focus = HTMLElement.prototype.focus
HTMLElement.prototype.focus = function (...options) {
  if (!this.hasAttribute("hidefocus")) { focus.apply(this, options) }
}
let count = 0
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) { return }
  const target = event.composedPath()[0]
  const typing = ["TEXTAREA", "SELECT"].includes(target.tagName)
    || (target.tagName == "INPUT" && !["checkbox", "radio"].includes(target.type))
  if (typing) {
    if (event.key == "Escape" || (event.key == "Enter" && target.type == "text")) { target.blur() }
    return
  }
  if (target.classList.contains("noUi-handle") && event.key.startsWith("Arrow")) { return }
  if (target.tagName == "BUTTON" && (event.key == " " || event.key == "Enter")) { target.blur() }
  if (event.key == " ") { wire.playing = !wire.playing }
  else if (event.key == ".") { slider.value = Math.min(slider.value + 1, slider.end) }
  else if (event.key == ",") { slider.value = Math.max(slider.value - 1, 0) }
  else if (event.key == "h") { tabs.active = tabs.tabs.length - 1 }
  else if (event.key == "n") { Bokeh.index.find_one_by_id(note.id).input_el.focus() }
  else if (keys.includes(event.key)) { wire.key = event.key + "#" + (++count) }
  else { return }
  event.preventDefault()
  event.stopPropagation()
}, true)  // before the tables, which take some keys for themselves
let at = 0
setInterval(() => {
  const frames = stack.data.frames
  if (frames == null || frames.length == 0 || document.hidden) { return }
  at = (at + 1) % frames.length
  mini.data = {...mini.data, image: [frames[at]]}
  window.scopeflow_mini_shown = (window.scopeflow_mini_shown ?? 0) + 1
  const time_s = stack.data.time_s[at]
  label.text = (time_s < 0 ? "−" : "+") + Math.abs(time_s).toFixed(2) + " s"
}, 100)
"""

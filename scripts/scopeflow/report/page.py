"""One self-contained page from sections of words, tables and figures."""

import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bokeh.embed import json_item
from bokeh.models import LayoutDOM
from bokeh.resources import Resources

COMPONENTS = ["bokeh", "bokeh-widgets", "bokeh-tables"]

STYLE = """
:root { --ink: #1a1a1a; --soft: #5b5b5b; --line: #d5d5d5; --mark: #fff3d6; }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: #fff;
  font: 15px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
header, main { max-width: 1240px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 20px; }
h1 { font-size: 24px; margin: 0 0 4px; }
h2 { font-size: 19px; margin: 36px 0 6px; padding-top: 10px; border-top: 1px solid var(--line); }
section { scroll-margin-top: 48px; }
h3 { font-size: 15px; margin: 18px 0 4px; }
nav { position: sticky; top: 0; z-index: 5; background: #fff; padding: 8px 0;
  border-bottom: 1px solid var(--line); font-size: 13px; }
nav a { margin-right: 14px; color: #0b5394; text-decoration: none; white-space: nowrap; }
nav a:hover { text-decoration: underline; }
p { margin: 6px 0; max-width: 80em; }
.guide { color: var(--soft); border-left: 3px solid #56B4E9; padding-left: 10px; }
.note { color: var(--soft); font-size: 13px; }
table { border-collapse: collapse; font-size: 13px; margin: 8px 0; }
th, td { text-align: left; padding: 3px 12px 3px 4px; border-bottom: 1px solid #ececec;
  vertical-align: top; }
th { border-bottom: 1px solid #aaa; font-weight: 600; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
tr.changed td, tr.look td { background: var(--mark); }
section > table, details > table { display: block; overflow-x: auto; }
.columns { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 0 40px; }
details summary { cursor: pointer; margin: 8px 0; }
video { max-width: 100%; background: #222; }
code { font-size: 13px; }
"""


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes
    ----------
    id : str
        Stable: links and tests find it by this.
    title : str
    guide : str
        What good and bad look like.
    body : str
        HTML between guide and figures.
    figures : dict of LayoutDOM
        By the id of the place where each is drawn.
    after : str
        HTML behind the figures.
    start : str
        Script that runs when the figures stand; ``document_`` is their Bokeh document.
    """

    id: str
    title: str
    guide: str
    body: str = ""
    figures: dict[str, LayoutDOM] = field(default_factory=dict)
    after: str = ""
    start: str = ""


def page(title: str, lead: str, sections: Sequence[Section], data: dict, script: str = "") -> str:
    """Return the text of a page that loads nothing.

    Parameters
    ----------
    title : str
    lead : str
        HTML below the title.
    sections : sequence of Section
    data : dict
        What scripts of the figures find in ``window.scopeflow``; as in JSON.
    script : str
        Runs before any figure is drawn.

    Returns
    -------
    str
        HTML with BokehJS, figures and data inside.
    """
    items = {
        place: json_item(model, target=place)
        for section in sections
        for place, model in section.figures.items()
    }
    starts = ",".join(
        f"{json.dumps(next(iter(section.figures)))}: (document_) => {{{section.start}}}"
        for section in sections
        if section.start
    )
    parts = [
        "<!doctype html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        f"<title>{html.escape(title)}</title>", f"<style>{STYLE}</style>",
        Resources(mode="inline", components=COMPONENTS).render_js(),
        f"<script>window.scopeflow = {_script_json(data)};{script}</script>",
        "</head>", "<body>", f"<header><h1>{html.escape(title)}</h1>{lead}</header>", "<main>",
        _navigation(sections), *(_section(section) for section in sections), "</main>",
        f'<script id="figures" type="application/json">{_script_json(items)}</script>',
        f"<script>const starts = {{{starts}}};{DRAW}</script>", "</body>", "</html>",
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


# Figures are drawn when they come near, so that the first is there at once.
DRAW = """
(function () {
  const items = JSON.parse(document.getElementById("figures").textContent);
  const drawings = new Map();
  let left = Object.keys(items).length;
  async function show(id) {
    const views = await Bokeh.embed.embed_item(items[id], id);
    if (starts[id]) starts[id]([...views][0].model.document);
    document.getElementById(id).dataset.drawn = "yes";
    left -= 1;
    if (!left) document.body.dataset.drawn = "yes";
  }
  function draw(id) {
    if (!drawings.has(id)) drawings.set(id, show(id));
    return drawings.get(id);
  }
  if (!left) document.body.dataset.drawn = "yes";
  window.scopeflow.drawAll = () => Promise.all(Object.keys(items).map(draw));
  const watcher = new IntersectionObserver((seen) => {
    for (const entry of seen) if (entry.isIntersecting) draw(entry.target.id);
  }, { rootMargin: "600px" });
  for (const id in items) watcher.observe(document.getElementById(id));
  window.addEventListener("beforeprint", window.scopeflow.drawAll);
})();
"""


def _script_json(value: object) -> str:
    """Return JSON that cannot end the script it stands in."""
    return json.dumps(value).replace("</", "<\\/").replace("<!--", "<\\!--")


def _navigation(sections: Iterable[Section]) -> str:
    links = (f'<a href="#{s.id}">{html.escape(s.title)}</a>' for s in sections)
    return f"<nav>{''.join(links)}</nav>"


def _section(section: Section) -> str:
    places = "".join(f'<div id="{place}" class="figure"></div>' for place in section.figures)
    return (
        f'<section id="{section.id}"><h2>{html.escape(section.title)}</h2>'
        f'<p class="guide">{section.guide}</p>{section.body}{places}{section.after}</section>'
    )


def table(
    head: Sequence[str],
    rows: Iterable[Sequence],
    id: str = "",
    numbers: Iterable[int] = (),
    marked: Iterable[int] = (),
) -> str:
    """Return a table as HTML.

    Parameters
    ----------
    head : sequence of str
        Names of the columns.
    rows : iterable of sequence
        Cells; text is escaped.
    id : str
        Of the table.
    numbers : iterable of int
        Columns that hold numbers.
    marked : iterable of int
        Rows to mark.
    """
    numbers, marked = set(numbers), set(marked)

    def cells(tag: str, row: Sequence) -> str:
        return "".join(
            f"<{tag}{' class=n' if i in numbers else ''}>{html.escape(str(cell))}</{tag}>"
            for i, cell in enumerate(row)
        )

    lines = [
        f"<tr{' class=changed' if i in marked else ''}>{cells('td', row)}</tr>"
        for i, row in enumerate(rows)
    ]
    name = f' id="{id}"' if id else ""
    return f"<table{name}><thead><tr>{cells('th', head)}</tr></thead>{''.join(lines)}</table>"

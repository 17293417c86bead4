"""How the page looks: readable from 400 to 1280 pixels and wider, in light and dark."""

_LIGHT = (
    "#1f5fbf",
    "#0f7b6c",
    "#c2500a",
    "#7a4fb5",
    "#8a6a00",
    "#b8336a",
    "#3f7d20",
    "#8c4a2f",
    "#6b7480",
    "#1b1f24",
)
_DARK = (
    "#79b0ff",
    "#4fd1bd",
    "#ff9d5c",
    "#c3a3ff",
    "#e0c04a",
    "#ff8db8",
    "#8fd66b",
    "#e0a184",
    "#98a2ae",
    "#e6edf3",
)

_RULES = """
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; overflow-wrap: break-word; }
main { max-width: 1200px; margin: 0 auto; padding: 22px 18px 70px; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 4px 0 8px; letter-spacing: -0.01em; }
h2 { font-size: 1.3rem; margin: 52px 0 8px; padding-top: 14px; border-top: 1px solid var(--line); }
h3 { font-size: 1.02rem; margin: 26px 0 4px; }
h4 { font-size: 0.95rem; margin: 0 0 2px; font-weight: 600; }
p, ul.plain, ol.notes { max-width: 78ch; margin: 8px 0; }
ul.plain { padding-left: 20px; } ul.plain li { margin: 5px 0; }
a { color: var(--link); }
code { font: 0.86em ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.lead { font-size: 1.05rem; } .soft { color: var(--soft); font-size: 0.9rem; }
nav { margin: 14px 0 6px; } nav ul { display: flex; flex-wrap: wrap; gap: 4px 16px; list-style: none; margin: 0;
  padding: 8px 0; border-block: 1px solid var(--line); font-size: 0.92rem; }
.tiles { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 165px), 1fr));
  margin: 18px 0 8px; }
.tile { background: var(--band); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; }
.tile .what { font-size: 0.86rem; color: var(--soft); line-height: 1.35; }
.tile .big { font-size: 1.7rem; font-weight: 650; line-height: 1.25; font-variant-numeric: tabular-nums; }
.tile .range { font-size: 0.88rem; font-weight: 400; display: inline-block; line-height: 1.3; }
h4 .range { font-weight: 400; }
.findings { list-style: none; padding: 0; margin: 14px 0; max-width: 104ch; }
.findings li { display: grid; grid-template-columns: 7.4rem 1fr; gap: 4px 12px; padding: 8px 0;
  border-top: 1px solid var(--line); } .findings li:first-child { border-top: 0; }
.mark { font-size: 0.78rem; font-weight: 650; border-radius: 20px; padding: 1px 9px; height: fit-content;
  width: fit-content; border: 1px solid currentColor; margin-top: 2px; white-space: nowrap; }
.better { color: var(--good); } .worse { color: var(--bad); } .even { color: var(--soft); }
td.better .value, td.worse .value { font-weight: 650; }
.charts { display: grid; gap: 22px 30px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr));
  margin: 14px 0; }
.charts.three { grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); gap: 20px 22px; }
.charts figure { margin: 0; min-width: 0; } .charts svg { width: 100%; height: auto; display: block; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 12px 0; padding: 0; list-style: none;
  font-size: 0.92rem; } .legend li { display: flex; align-items: center; gap: 7px; }
.swatch { width: 26px; height: 12px; flex: none; vertical-align: -1px; }
svg text { font: 12px system-ui, "DejaVu Sans", sans-serif; } .tick { fill: var(--soft); }
.name { fill: var(--ink); }
.grid { stroke: var(--line); stroke-width: 0.8; } .axis { stroke: var(--soft); stroke-width: 1; }
.reference { stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 2 3; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; } .dashed { stroke-dasharray: 5 3; }
.dotted { stroke-dasharray: 0.5 4; stroke-linecap: round; }
.leader { fill: none; stroke-width: 0.8; opacity: 0.7; }
.leader.dashed, .leader.dotted { stroke-dasharray: none; }
.whisker { stroke-width: 1.4; opacity: 0.7; } .whisker.wide { stroke-width: 2.2; opacity: 0.55; }
.full { stroke: var(--paper); stroke-width: 1; } .hollow { stroke-width: 1.8; }
circle.hollow { fill: var(--paper) !important; }
figure.table { margin: 18px 0; min-width: 0; } figure.table .scroll { margin: 6px 0 4px; }
figcaption { color: var(--soft); font-size: 0.9rem; max-width: 100ch; } figcaption b { color: var(--ink); }
.scroll { overflow-x: auto; margin: 12px 0 4px; border: 1px solid var(--line); border-radius: 8px; }
.scroll + h4 { margin-top: 18px; }
.scroll:focus-visible { outline: 2px solid var(--link); }
table { border-collapse: collapse; width: 100%; font-size: 0.86rem; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 9px; text-align: right; border-top: 1px solid var(--line); }
td { white-space: nowrap; } td .range { display: block; line-height: 1.2; }
thead th { background: var(--band); vertical-align: bottom; font-weight: 600; min-width: 64px; line-height: 1.3; }
thead th:first-child, tbody th, td.text, th.text { text-align: left; }
tbody th.variant { white-space: nowrap; font-weight: 600; position: sticky; left: 0; background: var(--paper); }
thead th:first-child { position: sticky; left: 0; }
tr.group th { color: var(--soft); font-weight: 500; font-size: 0.82rem; padding: 5px 10px;
  background: var(--band); }
tr.group span { position: sticky; left: 10px; }
td.text { white-space: normal; min-width: 170px; line-height: 1.4; }
td.none { color: var(--soft); white-space: normal; }
tbody th:not(.variant) { min-width: 180px; line-height: 1.35; }
.range { color: var(--soft); font-size: 0.92em; }
sup { line-height: 0; font-size: 0.75em; margin-left: 1px; }
ol.notes { color: var(--soft); font-size: 0.86rem; padding-left: 26px; margin: 4px 0 10px; max-width: 100ch; }
details { margin: 10px 0; } summary { cursor: pointer; color: var(--link); font-size: 0.95rem; padding: 4px 0; }
.gallery { display: grid; gap: 18px; align-items: start; margin: 14px 0;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 350px), 1fr)); }
.gallery.wide { grid-template-columns: repeat(auto-fill, minmax(min(100%, 460px), 1fr)); }
.card { border: 1px solid var(--line); border-radius: 8px; overflow: hidden; background: var(--paper);
  padding: 12px; min-width: 0; font-size: 0.9rem; line-height: 1.42; }
.card .top { display: flex; gap: 12px; align-items: flex-start; }
.card img, .thumbs img { border-radius: 4px; background: #000; image-rendering: pixelated; display: block; }
.card .top img { width: 128px; height: 128px; flex: none; object-fit: cover; }
.card .top > div { min-width: 0; }
.card dl { margin: 10px 0 0; }
.card dl.answers { display: grid; grid-template-columns: auto 1fr; gap: 4px 14px; }
.card dl.answers dt { margin: 0; }
.card dt { font-size: 0.78rem; color: var(--soft); display: flex; gap: 6px;
  align-items: center; margin-top: 7px; } .card dd { margin: 0; }
.id { color: var(--soft); font-size: 0.78rem; overflow-wrap: anywhere; }
.wrong { color: var(--bad); font-size: 0.84rem; } .missed { color: var(--soft); font-size: 0.84rem; }
.right { color: var(--good); font-size: 0.84rem; }
ol.ranked { list-style: none; margin: 8px 0 0; padding: 0; }
ol.ranked li { display: grid; grid-template-columns: 1.3rem 1.2rem 1fr; gap: 4px; padding: 3px 0;
  border-top: 1px solid var(--line); } ol.ranked .yes { color: var(--good); font-weight: 700; }
ol.ranked .no { color: var(--bad); font-weight: 700; } ol.ranked .place { color: var(--soft); }
.thumbs { display: grid; grid-template-columns: repeat(5, 1fr); gap: 6px; margin: 10px 0 0; padding: 0;
  list-style: none; }
.thumbs li { font-size: 0.76rem; line-height: 1.3; }
.thumbs img { width: 100%; aspect-ratio: 1; object-fit: cover; border: 3px solid transparent; }
.thumbs .yes img { border-color: var(--good); } .thumbs .no img { border-color: var(--bad); }
.strip { display: grid; grid-auto-flow: column; grid-auto-columns: minmax(150px, 1fr); gap: 10px; padding: 12px; }
.strip figure { margin: 0; font-size: 0.82rem; line-height: 1.35; }
.strip img { width: 100%; aspect-ratio: 1; image-rendering: pixelated; border-radius: 4px; display: block; }
.strip figcaption { color: var(--ink); font-size: 0.82rem; }
.strip b { display: block; margin: 5px 0 1px; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: 3px 20px; font-size: 0.92rem; }
dl.facts dt { color: var(--soft); } dl.facts dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 560px) { dl.facts { grid-template-columns: 1fr; } dl.facts dd { margin-bottom: 6px; }
  main { padding: 14px 12px 50px; } h1 { font-size: 1.4rem; } .findings li { grid-template-columns: 1fr; }
  .card .top img { width: 104px; height: 104px; } tbody th.variant .swatch { display: none; }
  th, td { padding: 6px 8px; } svg text { font-size: 13.5px; } }
@media print { .scroll { overflow: visible; } nav { display: none; } }
"""


def _colours(values: tuple[str, ...]) -> str:
    return " ".join(f"--v{at}: {value};" for at, value in enumerate(values))


STYLE = (
    f":root {{ color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #d5dbe2; --paper: #ffffff; "
    f"--band: #f5f7f9; --link: #1f5fbf; --good: #0b6b3a; --bad: #a3271f; {_colours(_LIGHT)} }}\n"
    "@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9aa5b1; --line: #353c45; "
    "--paper: #0d1117; --band: #161b22; --link: #79b0ff; --good: #56d364; --bad: #ff8a80; "
    f"{_colours(_DARK)} }} }}\n"
    + _RULES
    + "".join(
        f".v{at} {{ stroke: var(--v{at}); }} .full.v{at} {{ fill: var(--v{at}); }} .full.v{at} "
        f"{{ stroke: none; }}\n"
        for at in range(len(_LIGHT))
    )
)
"""The style sheet of the page."""

"""How the study's page looks: readable from 400 to 1280 pixels and wider, in light and dark."""

STYLE = """
:root {
  --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --paper: #ffffff; --band: #f6f8fa;
  --good: #0b6b3a; --bad: #a3271f;
  --c0: #0b5cad; --c1: #c2410c; --c2: #8a6d00; --c3: #6b3fa0; --c4: #15803d; --c5: #57606a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6edf3; --soft: #9aa5b1; --line: #3d444d; --paper: #0d1117; --band: #161b22;
    --good: #56d364; --bad: #ff8a80;
    --c0: #6cb2ff; --c1: #ff9a62; --c2: #e3c04b; --c3: #c9a2ff; --c4: #5dd48a; --c5: #9aa5b1;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, "DejaVu Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 20px 16px 60px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 8px 0 10px; }
h2 { font-size: 1.25rem; margin: 38px 0 8px; }
h3 { font-size: 1rem; margin: 0 0 2px; }
p, ul, dl { max-width: 76ch; margin: 8px 0; }
ul { padding-left: 22px; }
code { font: 0.85em ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.lead { font-size: 1.06rem; }
.soft { color: var(--soft); font-size: 0.9rem; }
.charts { display: grid; gap: 18px 26px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); }
.charts figure { margin: 0; }
figure svg { width: 100%; height: auto; display: block; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 10px 0 14px; padding: 0; list-style: none;
  max-width: none; font-size: 0.92rem; }
.legend li { display: flex; align-items: center; gap: 6px; }
.swatch { width: 34px; height: 14px; flex: none; }
.tick { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: var(--soft); }
.grid { stroke: var(--line); stroke-width: 0.7; } .axis { stroke: var(--soft); }
.zero { stroke: var(--ink); stroke-width: 1.4; }
.line { fill: none; stroke-width: 1.8; } .whisker { stroke-width: 1.3; opacity: 0.65; } .mark { stroke: none; }
.scroll { overflow-x: auto; margin: 10px 0; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-size: 0.86rem; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 10px; text-align: right; white-space: nowrap; border-top: 1px solid var(--line); }
thead th { background: var(--band); border-top: 0; vertical-align: bottom; white-space: normal; min-width: 74px; }
th:first-child, td.text, th.text { text-align: left; }
tbody th { font-weight: 600; } tbody tr.first th, tbody tr.first td { border-top: 2px solid var(--soft); }
td.text { white-space: normal; min-width: 130px; }
td.text:last-child { min-width: 220px; }
.range { color: var(--soft); font-size: 0.92em; } .good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: 2px 18px; max-width: none; }
dl.facts dt { color: var(--soft); } dl.facts dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 560px) { dl.facts { grid-template-columns: 1fr; } dl.facts dd { margin-bottom: 6px; }
  h1 { font-size: 1.4rem; } }
""" + "".join(
    f".line.s{n}, .whisker.s{n} {{ stroke: var(--c{n}); }} .mark.s{n} {{ fill: var(--c{n}); }}\n" for n in range(6)
)

"""The page: one file without outside links that opens from disk."""

from collections.abc import Callable, Sequence
from html import escape

from sartext.report.document import document
from sartext.report.sections.captioning import captioning
from sartext.report.sections.claims import claims
from sartext.report.sections.findings import findings
from sartext.report.sections.foils import foils
from sartext.report.sections.meaning import meaning
from sartext.report.sections.physics import physics
from sartext.report.sections.provenance import provenance
from sartext.report.sections.retrieval import retrieval
from sartext.report.sections.vqa import vqa
from sartext.report.view import View, listed

SECTIONS: Sequence[tuple[str, str, Callable[[View], str]]] = (
    ("claims", "Claims", claims),
    ("retrieval", "Retrieval", retrieval),
    ("captioning", "Captioning", captioning),
    ("vqa", "VQA", vqa),
    ("foils", "Foils", foils),
    ("physics", "Physics", physics),
    ("meaning", "What it means", meaning),
    ("provenance", "Provenance", provenance),
)


BESIDE = {
    "foundation": "the foundation",
    "arm": "the arms of progressive transfer",
    "baseline": "the baselines",
}
"""What the lead calls the variants that are no models of ours."""


def page(view: View) -> str:
    """Return the page as HTML; equal inputs give equal text."""
    made = [(name, title, content) for name, title, write in SECTIONS if (content := write(view))]
    links = "".join(f'<li><a href="#{name}">{title}</a></li>' for name, title, _ in made)
    heading = f"Evaluation of {view.release.title}"
    body = "\n".join(content for _, _, content in made)
    found = f'<section aria-label="what was found">{findings(view)}</section>'
    head = f"<header><h1>{escape(heading)}</h1>\n{_lead(view)}</header>"
    nav = f'<nav aria-label="sections"><ul>{links}</ul></nav>'
    return document(heading, f"{head}\n{nav}\n{found}\n{body}")


def _lead(view: View) -> str:
    benchmark = view.details.benchmarks[0]
    version = f" {escape(view.release.version)}" if view.release.version else ""
    corpora = len(benchmark.corpora)
    roles = {one.role for one in view.details.variants}
    others = [title for role, title in BESIDE.items() if role in roles]
    beside = f" beside {listed(others)}" if others else ""
    return (
        f'<p class="lead">Models trained on <b>{escape(view.release.name)}{version}</b>{beside}, '
        f"on <b>{escape(benchmark.name)}</b>: "
        f"{benchmark.images:,} images of {corpora} {'corpus' if corpora == 1 else 'corpora'} that nothing was "
        "trained on. “Better” and “worse” are said only where 95 % intervals allow it.</p>"
    )

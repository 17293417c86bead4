"""An HTML document that needs no other file."""

from html import escape

from sartext.report.style import STYLE

ICON = "data:,"
"""An empty one, so that no browser asks for another."""


def document(title: str, body: str) -> str:
    """Return a whole page.

    Args:
        title: plain text.
        body: HTML of its main part.
    """
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="icon" href="{ICON}">\n<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n'
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )

"""One kit for every HTML page: templates with autoescape, a style (light and dark), tables, and charts as SVG."""

from sartext.pages.rendering import Cell, Chart, Row, Table, listed, render

__all__ = ["Cell", "Chart", "Row", "Table", "listed", "render"]

"""The report of a run: one self-contained HTML page, to be opened in any browser.

Reading order: `views` (what goes in), `pictures`, `charts`, `tables` (its parts), `page`
(the whole). Markup, style and script lie beside them: `page.html`, `card.html`, `page.css`,
`page.js`.
"""

from examples.object_discovery.report.page import write_report
from examples.object_discovery.report.views import ExampleView, Report

__all__ = ["ExampleView", "Report", "write_report"]

"""Report of a run: one self-contained HTML page, to be opened in any browser.

`page` fills `page.html` with pictures, `charts` and `tables`; `page.css` and `page.js` are the
page's style and its player.
"""

from examples.object_discovery.report.page import ExampleView, Report, write_report

__all__ = ["ExampleView", "Report", "write_report"]

"""Turn a `Report` into bytes: HTML, PDF, JSON and tables, one module per format.

Every renderer is a pure function of the report: the same report gives the same bytes in any place, on any day.
`page` fills the templates of `reports/templates` for both HTML and PDF, `charts` draws the figures with `svg`,
`wording` writes numbers and grammar, and `text` makes foreign text safe to print.
"""

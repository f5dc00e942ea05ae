"""Fill the templates: everything that the HTML and the PDF have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from fluo_audit.model.evidence import Completeness, EvidenceItem, evidence_items
from fluo_audit.model.finding import Conclusion, Severity
from fluo_audit.model.report import DailySeries, Report, Requirement, TestResult
from fluo_audit.render import charts, coverage, wording
from fluo_audit.render.text import printable
from fluo_audit.resources import resource_dir

MOST_ROWS = 200
"""Rows of a table on a page; more take seconds to lay out and nobody reads them there."""
FULL_REPORT = "evidence.json"
"""The file of the bundle that has every row a page leaves out."""

_ATTENTION = (Conclusion.EXCEPTION, Conclusion.INCONCLUSIVE)
_SEVERITIES = tuple(Severity)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Capped(Generic[T]):
    """The rows of a table that are printed, and how many there are."""

    rows: tuple[T, ...]
    total: int

    @property
    def all_shown(self) -> bool:
        """Return whether no row was left out."""
        return len(self.rows) == self.total


@dataclass(frozen=True, slots=True)
class Figure:
    """A numbered figure."""

    number: int
    caption: str
    drawing: Markup


@dataclass(frozen=True, slots=True)
class Run:
    """Evidence ids that follow each other in the index: the first, and the last when there are more."""

    first: str
    last: str
    size: int


@dataclass(frozen=True, slots=True)
class Total:
    """One name of a daily series over the collected days; None when no day was collected."""

    name: str
    total: int | None
    highest: int | None


def cap(rows: Sequence[T], most: int = MOST_ROWS) -> Capped[T]:
    """Return the first rows of a table."""
    return Capped(tuple(rows[:most]), len(rows))


def totals(series: DailySeries) -> list[Total]:
    """Return the sum and the highest day of each name, over the days that were collected."""
    found = []
    for name, counts in series.counts:
        collected = charts.known(counts)
        found.append(Total(name, sum(collected), max(collected)) if collected else Total(name, None, None))
    return found


class Index:
    """Where things are on the page: anchors are places (t1, e7), never values that came from outside."""

    def __init__(self, report: Report) -> None:
        self._tests = {t.id: f"t{i}" for i, t in enumerate(report.tests, 1)}
        self._items = evidence_items(report.evidence)
        self._place = {item.id: i for i, item in enumerate(self._items)}
        cited = [t.evidence for t in report.tests] + [s.evidence for s in report.sources]
        linked = {end for ids in cited for run in self.runs(ids) for end in (run.first, run.last)}
        linked |= {item.id for item in self._items if _failed(item)}
        order = sorted(self._items, key=lambda item: item.id not in linked)
        self._printed = {item.id for item in order[:MOST_ROWS]}

    def test(self, test_id: str) -> str:
        """Return the anchor of a test; empty when the report has no such test."""
        return self._tests.get(test_id, "")

    def evidence(self, evidence_id: str) -> str:
        """Return the anchor of a piece of evidence; empty when its row is not printed or there is none of that id."""
        return f"e{self._place[evidence_id] + 1}" if evidence_id in self._printed else ""

    def runs(self, ids: Iterable[str]) -> list[Run]:
        """Group evidence ids that stand together in the index."""
        unknown = [Run(i, i, 1) for i in dict.fromkeys(ids) if i not in self._place]
        found: list[Run] = []
        places = sorted({self._place[i] for i in ids if i in self._place})
        for n, place in enumerate(places):
            if n and place == places[n - 1] + 1:
                found[-1] = Run(found[-1].first, self._items[place].id, found[-1].size + 1)
            else:
                found.append(Run(self._items[place].id, self._items[place].id, 1))
        return found + unknown

    def items(self) -> Capped[EvidenceItem]:
        """Return what is printed, in the order of reading; what is cited or failed has the first claim to a place."""
        return Capped(tuple(item for item in self._items if item.id in self._printed), len(self._items))

    def failed(self) -> Capped[EvidenceItem]:
        """Return the reads that broke off with an error, or that got no answer."""
        return cap([item for item in self._items if _failed(item)])


def attention(tests: Sequence[TestResult]) -> list[TestResult]:
    """Return the tests that need somebody: exceptions first, then inconclusive ones, the gravest first."""
    open_tests = [t for t in tests if t.conclusion in _ATTENTION]
    return sorted(open_tests, key=lambda t: (_ATTENTION.index(t.conclusion), _SEVERITIES.index(t.severity)))


def _failed(item: EvidenceItem) -> bool:
    return bool(item.last.error_code) or not 200 <= item.last.status < 300  # noqa: PLR2004, HTTP success


def figures(report: Report) -> dict[str, Figure]:
    """Return the figures of the parts that were collected, numbered in the order in which they appear."""
    drawn: list[tuple[str, str, Markup]] = []
    if report.usage is not None:
        drawn.append(("usage", "Requests a day by operation", charts.usage_strips(report.usage)))
    if report.errors is not None:
        drawn.append(("errors", "Failed requests a day by error", charts.errors(report.errors)))
    if report.rotation is not None:
        limit = wording.count(report.rotation.limit_days, "day")
        caption = f"Key material versions and the limit of {limit}"
        drawn.append(("rotation", caption, charts.rotation(report.rotation, report.scope.as_of)))
    if report.cost is not None:
        drawn.append(("cost", "KMS cost by month and usage type", charts.cost(report.cost, report.budget_usd)))
    if report.integrity is not None:
        drawn.append(("coverage", "Time covered by digests, by Region", coverage.strips(report.integrity)))
    return {key: Figure(i, caption, drawing) for i, (key, caption, drawing) in enumerate(drawn, 1)}


def environment() -> Environment:
    """Return the templates' environment: everything is escaped, and every value is made printable on its way out."""
    env = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {
        "capital": wording.capital,
        "brief": wording.brief,
        "count": wording.count,
        "day": wording.day,
        "money": wording.money,
        "number": wording.number,
        "utc": wording.utc,
        "cap": cap,
        "totals": totals,
        "chains": coverage.chains,
        "problems": coverage.problems,
        "share": coverage.share,
        "sums": coverage.sums,
    }
    return env


def render_page(report: Report, css: str, *, paged: bool, csp: str = "") -> str:
    """Return the whole page. `css` and `csp` are the product's own text; `paged` is the form for paper."""
    index = Index(report)
    known = {report.scope.key_arn: "this key", report.scope.key_id: "this key"}
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            scope=report.scope,
            paged=paged,
            css=Markup(css),  # noqa: S704, from the product's own files
            csp=csp,
            index=index,
            figures=figures(report),
            sources={s.name: s for s in report.sources},
            states=Counter(s.completeness for s in report.sources),
            attention=attention(report.tests),
            exceptions=[t for t in report.tests if t.conclusion is Conclusion.EXCEPTION],
            failed=index.failed(),
            outcome=wording.outcome(report.counts()),
            parameters=lambda call: wording.parameters(call.parameters, known),
            names={f.id: f.name for f in report.frameworks},
            requirements=_requirements,
            cost_columns=_cost_columns(report),
            cost_parts=charts.cost_parts,
            most_problems=coverage.MOST_PROBLEMS,
            full_report=FULL_REPORT,
            Conclusion=Conclusion,
            Completeness=Completeness,
        )
    )


def _requirements(test: TestResult, framework: str) -> list[Requirement]:
    return [r for r in test.requirements if r.framework == framework]


def _cost_columns(report: Report) -> list[str]:
    types = charts.usage_types(report.cost or ())
    return types if len(types) <= len(charts.SERIES) else types[: len(charts.SERIES) - 1]


def _finalize(value: Any) -> Any:
    if value is None:
        raise TypeError("a template printed None: say what is missing instead")
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _source(name: str) -> str:
    lines = resource_dir("templates").joinpath(name).read_text("utf-8").splitlines()
    return "\n".join(line.strip() for line in lines if line.strip())


def stylesheet(*names: str) -> str:
    """Return CSS files of the templates folder, one after another."""
    folder = resource_dir("templates").joinpath("static")
    return "".join(folder.joinpath(name).read_text("utf-8") for name in names)

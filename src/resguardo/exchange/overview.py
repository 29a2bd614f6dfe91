"""The first sheet of the summary: the team in figures and in three charts, each with the table it is drawn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, time
from typing import Any, Final

from xlsxwriter import Workbook

from resguardo.board.batch import REVIEWS
from resguardo.board.progress import Counted, percent
from resguardo.exchange.sheet import Look, TextSheet, cell_text, set_print, sheet_name
from resguardo.ledger.pace import Pace

NAME: Final = "Resumen"
HEAD: Final = 3
"""The row of titles; the people follow."""
TITLES: Final = ("Segmentador", "Batches", "NS", "In", "S", "Otros", "% completado")
COLOURS: Final = {"NS": "#94a3b8", "In": "#d97706", "S": "#0f766e", "other": "#cbd5e1"}
LABELS: Final[dict[Counted, str]] = {"NS": "No segmentados (NS)", "In": "Incompletas (In)", "S": "Segmentados (S)"}
UNREVIEWED: Final = "Sin revisión"
REVIEW_COLOURS: Final = ("#94a3b8", "#0f766e", "#b91c1c", "#e2e8f0")
DAYS: Final = "Avance"
FEWEST_DAYS: Final = 3
"""Fewer are no line."""
SIDE: Final = 8
"""The column where the small tables and the charts begin."""


class Overview:
    def __init__(self, book: Workbook, look: Look, footer: str) -> None:
        self._book, self._look, self._footer = book, look, footer
        self._sheet = book.add_worksheet(NAME, TextSheet)
        self._people: list[tuple[str, Mapping[Counted, int]]] = []
        self._reviews: Counter[str] = Counter()
        set_print(self._sheet, footer)

    def review(self, name: str | None) -> None:
        self._reviews[name or UNREVIEWED] += 1

    def person(self, name: str, counts: Mapping[Counted, int]) -> None:
        if sum(counts.values()):
            self._people.append((name, counts))

    def close(self, moment: datetime, pace: Pace | None = None) -> None:
        """Row by row from the top, as a sheet that is kept in a file is written."""
        self._set_up()
        rows = max(HEAD + len(self._people) + 2, HEAD + 12)
        for at in range(rows):
            self._left(at, moment)
            self._right(at)
        self._charts(self._days(pace, moment) if pace else None)

    def _days(self, pace: Pace, moment: datetime) -> tuple[str, int] | None:
        """A sheet of how many were finished at the end of each day: its name, and how many days."""
        days = pace.finished(self._total()["S"], moment.date())
        if len(days) < FEWEST_DAYS:
            return None
        sheet = self._book.add_worksheet(sheet_name(DAYS, self._book.sheetnames), TextSheet)
        sheet.set_column(0, 1, 18)
        sheet.freeze_panes(1, 0)
        set_print(sheet, self._footer)
        sheet.write_string(0, 0, "Fin del día", self._look.head)
        sheet.write_string(0, 1, LABELS["S"], self._look.head_right)
        for at, (day, count) in enumerate(days, 1):
            sheet.write_datetime(at, 0, datetime.combine(day, time()), self._look.day)
            sheet.write_number(at, 1, count, self._look.number)
        return sheet.get_name(), len(days)

    def _set_up(self) -> None:
        sheet = self._sheet
        sheet.hide_gridlines(2)
        sheet.set_column(0, 0, 26)
        sheet.set_column(1, len(TITLES) - 2, 10)
        sheet.set_column(len(TITLES) - 1, len(TITLES) - 1, 14)
        sheet.set_column(len(TITLES), len(TITLES), 3)
        sheet.set_column(SIDE, SIDE, 22)
        sheet.set_column(SIDE + 1, SIDE + 1, 11)
        sheet.set_row(0, 28)
        sheet.set_row(HEAD, 20)
        sheet.freeze_panes(HEAD + 1, 1)
        last = HEAD + max(len(self._people), 1)
        bar = {"type": "data_bar", "bar_solid": True, "bar_color": "#99f6e4", "min_type": "num", "min_value": 0}
        sheet.conditional_format(HEAD + 1, 6, last, 6, {**bar, "max_type": "num", "max_value": 1})

    def _left(self, at: int, moment: datetime) -> None:
        sheet, look = self._sheet, self._look
        if at == 0:
            sheet.write_string(0, 0, "Resumen del equipo", look.title)
        elif at == 1:
            sheet.write_string(1, 0, f"Como estaba el {moment:%d/%m/%Y a las %H:%M}", look.note)
        elif at == HEAD:
            for place, title in enumerate(TITLES):
                sheet.write_string(at, place, title, look.head_right if place else look.head)
        elif HEAD < at <= HEAD + len(self._people):
            name, counts = self._people[at - HEAD - 1]
            self._counts(at, name, counts, look.number, look.cell)
        elif at == HEAD + len(self._people) + 1:
            self._counts(at, "Total", self._total(), look.total, look.total)

    def _counts(self, at: int, name: str, counts: Mapping[Counted, int], number: Any, words: Any) -> None:
        total = sum(counts.values())
        self._sheet.write_string(at, 0, cell_text(name), words)
        for place, count in enumerate((total, *(counts.get(kind, 0) for kind in ("NS", "In", "S", "other"))), 1):
            self._sheet.write_number(at, place, count, number)
        self._sheet.write_number(at, 6, percent(counts.get("S", 0), total) / 100, self._look.percent)

    def _total(self) -> Counter[Counted]:
        total: Counter[Counted] = Counter()
        for _, counts in self._people:
            total.update(counts)
        return total

    def _right(self, at: int) -> None:
        sheet, look, total = self._sheet, self._look, self._total()
        kinds = list(LABELS)
        reviews = (*REVIEWS, UNREVIEWED)
        if at == HEAD:
            self._pair(at, "Estatus", "Batches")
        elif HEAD < at <= HEAD + 3:
            kind = kinds[at - HEAD - 1]
            sheet.write_string(at, SIDE, LABELS[kind], look.cell)
            sheet.write_number(at, SIDE + 1, total[kind], look.number)
        elif at == HEAD + 5:
            self._pair(at, "Revisión", "Batches")
        elif HEAD + 6 <= at < HEAD + 6 + len(reviews):
            name = reviews[at - HEAD - 6]
            sheet.write_string(at, SIDE, name, look.cell)
            sheet.write_number(at, SIDE + 1, self._reviews[name], look.number)

    def _pair(self, at: int, left: str, right: str) -> None:
        self._sheet.write_string(at, SIDE, left, self._look.head)
        self._sheet.write_string(at, SIDE + 1, right, self._look.head_right)

    def _charts(self, days: tuple[str, int] | None) -> None:
        below = max(HEAD + len(self._people) + 3, HEAD + 11)
        if days:
            self._sheet.insert_chart(below, 0, self._over_time(*days))
        if self._people:
            self._sheet.insert_chart(below + (13 if days else 0), 0, self._by_person())
        self._sheet.insert_chart(below, SIDE, self._ring("Estatus", HEAD + 1, 3, tuple(COLOURS.values())))
        self._sheet.insert_chart(below + 15, SIDE, self._ring("Revisión", HEAD + 6, len(REVIEWS) + 1, REVIEW_COLOURS))

    def _over_time(self, sheet: str, rows: int) -> Any:
        chart = self._book.add_chart({"type": "line"})
        chart.add_series(
            {
                "name": [sheet, 0, 1],
                "categories": [sheet, 1, 0, rows, 0],
                "values": [sheet, 1, 1, rows, 1],
                "line": {"color": COLOURS["S"], "width": 2.25},
            }
        )
        chart.set_title({"name": "Avance en el tiempo", "name_font": {"size": 12}})
        chart.set_x_axis({"date_axis": True, "num_format": "dd/mm", "major_unit": 7, "major_unit_type": "days"})
        chart.set_y_axis({"major_gridlines": {"visible": True, "line": {"color": "#e2e8f0"}}, "num_format": "#,##0"})
        chart.set_legend({"none": True})
        chart.set_size({"width": 660, "height": 250})
        return chart

    def _by_person(self) -> Any:
        chart = self._book.add_chart({"type": "bar", "subtype": "stacked"})
        first, last = HEAD + 1, HEAD + len(self._people)
        for place, kind in enumerate(("NS", "In", "S", "other"), 2):
            chart.add_series(
                {
                    "name": [NAME, HEAD, place],
                    "categories": [NAME, first, 0, last, 0],
                    "values": [NAME, first, place, last, place],
                    "fill": {"color": COLOURS[kind]},
                    "gap": 40,
                }
            )
        chart.set_title({"name": "Estatus por persona", "name_font": {"size": 12}, "overlay": False})
        chart.set_y_axis({"reverse": True})
        chart.set_x_axis({"major_gridlines": {"visible": True, "line": {"color": "#e2e8f0"}}, "num_format": "#,##0"})
        chart.set_legend({"position": "bottom"})
        chart.set_size({"width": 660, "height": max(300, min(60 + 26 * len(self._people), 1600))})
        return chart

    def _ring(self, title: str, first: int, rows: int, colours: tuple[str, ...]) -> Any:
        chart = self._book.add_chart({"type": "doughnut"})
        last = first + rows - 1
        chart.add_series(
            {
                "name": title,
                "categories": [NAME, first, SIDE, last, SIDE],
                "values": [NAME, first, SIDE + 1, last, SIDE + 1],
                "points": [{"fill": {"color": colour}} for colour in colours],
            }
        )
        chart.set_title({"name": title, "name_font": {"size": 12}})
        chart.set_legend({"position": "right"})
        chart.set_size({"width": 380, "height": 290})
        return chart

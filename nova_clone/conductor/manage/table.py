"""Tables in plain text, as OpenStack's command lines draw them."""

from __future__ import annotations

from collections.abc import Sequence


def draw(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return `rows` under `heads` with rules of dashes; every head has as many columns."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    rule = "+".join(["", *("-" * (width + 2) for width in widths), ""])
    lines = [rule, _line(heads, widths, "center"), rule]
    lines += [_line(row, widths, "ljust") for row in rows]
    if rows:
        lines.append(rule)
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int], align: str) -> str:
    padded = (getattr(cell, align)(width) for cell, width in zip(cells, widths, strict=True))
    return "| " + " | ".join(padded) + " |"

"""Tables that the scenario measures, and their places in the documents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from processes import Failure

# The longest text of a cell.
CELL = 220


def cell(text: object) -> str:
    """Returns a text as a cell of a Markdown table: in one line, shortened, without what ends a cell."""
    line = " ".join(str(text).split()).replace("|", "\\|")
    return line if len(line) <= CELL else f"{line[: CELL - 1].rstrip()}…"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Returns a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    for row in lines:
        if len(row) != len(header):
            raise ValueError(f"a row has {len(row)} cells, and the header {len(header)}: {row}")
    return "".join(f"| {' | '.join(map(cell, row))} |\n" for row in lines)


def with_section(text: str, name: str, content: str) -> str:
    """Returns a document with new content between `<!-- NAME -->` and `<!-- /NAME -->`."""
    pattern = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- /{re.escape(name)} -->)", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise Failure(f"the document must have <!-- {name} --> and <!-- /{name} --> once: restore them")
    return pattern.sub(lambda found: f"{found[1]}\n{content.strip()}\n\n{found[2]}", text)


def section(text: str, name: str) -> str:
    """Returns the first block of YAML that follows a marker in a document."""
    found = re.search(rf"<!-- {re.escape(name)} -->\s*```yaml\n(.*?)```", text, re.DOTALL)
    if found is None:
        raise Failure(f"the document has no YAML behind <!-- {name} -->: restore it")
    return found[1]


def write_section(document: Path, name: str, content: str) -> None:
    """Writes content into its place in a document."""
    document.write_text(with_section(document.read_text(), name, content))


def without_chance(text: str) -> str:
    """Returns a message without what differs from run to run: hashes in names of pods, ids, times."""
    text = re.sub(r"_[a-z-]+\([0-9a-f-]{36}\)", "", text)
    text = re.sub(r"\b(marquee-(?:[a-z]+-)*[a-z]+)-[a-z0-9]{8,10}-[a-z0-9]{5}\b", r"\1-…", text)
    text = re.sub(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "…", text)
    text = re.sub(r"\b\d+[KM]i\b", "…", text)
    text = re.sub(r"\b10\.244\.\d+\.\d+\b", "…", text)
    text = re.sub(r"\bkey [0-9a-f]{16}\b", "key …", text)
    text = re.sub(r"\bsha256:[0-9a-f]{16,}\b", "sha256:…", text)
    return re.sub(r"\b\d{4}-\d\d-\d\dT[\d:.]+Z\b", "…", text)

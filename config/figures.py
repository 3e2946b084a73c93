"""The form in which Prometheus reads figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Labels = tuple[str, ...]
ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(frozen=True)
class Figure:
    """One figure, or one for each value of its labels. Nothing in it names a person.

    A counter only ever grows, and its name ends in `_total`; a gauge is what is true at this moment.
    """

    name: str
    sentence: str
    values: Mapping[Labels, float]
    labels: Labels = ()
    kind: str = "gauge"

    def lines(self) -> Iterator[str]:
        """Yield the lines of Prometheus' text format; none for a figure of which there is no value."""
        if not self.values:
            return
        yield f"# HELP {self.name} {self.sentence}"
        yield f"# TYPE {self.name} {self.kind}"
        for values, figure in self.values.items():
            yield f"{self.name}{self._written(values)} {_number(figure)}"

    def _written(self, values: Labels) -> str:
        pairs = ",".join(f'{label}="{value.translate(ESCAPES)}"' for label, value in zip(self.labels, values, strict=True))
        return f"{{{pairs}}}" if pairs else ""


def single(name: str, sentence: str, value: float) -> Figure:
    """Return a gauge without labels."""
    return Figure(name, sentence, {(): value})


def labelled(name: str, sentence: str, label: str, values: Mapping[str, float]) -> Figure:
    """Return a gauge with one label."""
    return Figure(name, sentence, {(value,): figure for value, figure in values.items()}, (label,))


def _number(figure: float) -> str:
    """Write whole numbers in full: a counter of millions must be seen to grow by one."""
    return str(int(figure)) if figure == int(figure) else f"{figure:.6g}"

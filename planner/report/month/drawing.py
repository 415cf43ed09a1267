"""A drawing: shapes and real text as SVG. Knows nothing of reports.

Colours are names of the palette: a class that a page's variables colour, and beside it the literal for a reader that
knows no variables (a presentation attribute, which any rule of the page overrides). Coordinates are rounded to a tenth.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from planner.report.month.palette import LIGHT

FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
TEXT_PX = 12
CHARACTER_EM = 0.58
"""Mean width of a character: what room a text is given, for its true width depends on the reader's fonts."""

Point = tuple[float, float]


def text_width(text: str, size: float = TEXT_PX) -> float:
    """Room for a text, px."""
    return len(text) * size * CHARACTER_EM


def shortened(text: str, room_px: float, size: float = TEXT_PX) -> str:
    """The text, cut with an ellipsis where it is longer than its room."""
    most = max(1, int(room_px / (size * CHARACTER_EM)))
    return text if len(text) <= most else f"{text[: most - 1]}…"


@dataclass(slots=True)
class Drawing:
    """Shapes on a canvas of `width` x `height` px, in the order they were put."""

    width: float
    height: float
    parts: list[str] = field(default_factory=list)

    def rect(self, x: float, y: float, width: float, height: float, ink: str, *, radius: float = 0) -> None:
        """A filled rectangle; nothing where it has no size."""
        if width > 0 and height > 0:
            round_ = f' rx="{_n(radius)}"' if radius else ""
            self.parts.append(
                f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"{round_} {_paint(fill=ink)}/>'
            )

    def boxes(self, corners: Sequence[Point], width: float, height: float, ink: str) -> None:
        """Many filled rectangles of one size and colour, as one path."""
        if corners:
            w, h = _n(width), _n(height)
            path = "".join(f"M{_n(x)} {_n(y)}h{w}v{h}h-{w}z" for x, y in corners)
            self.parts.append(f'<path d="{path}" {_paint(fill=ink)}/>')

    def area(self, points: Sequence[Point], ink: str, *, opacity: float = 1) -> None:
        """A filled polygon."""
        if len(points) > 2:
            faint = f' fill-opacity="{opacity:g}"' if opacity < 1 else ""
            self.parts.append(f'<path d="{_path(points)}z" {_paint(fill=ink)}{faint}/>')

    def line(self, points: Sequence[Point], ink: str, *, width: float = 1, dash: str = "") -> None:
        """An open line through the points."""
        if len(points) > 1:
            dashed = f' stroke-dasharray="{dash}"' if dash else ""
            self.parts.append(
                f'<path d="{_path(points)}" {_paint(stroke=ink)} stroke-width="{_n(width)}" '
                f'stroke-linejoin="round"{dashed}/>'
            )

    def dot(self, x: float, y: float, radius: float, ink: str) -> None:
        """A filled circle with a rim of the ground's colour, so that it stands out on a line."""
        self.parts.append(
            f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" {_paint(fill=ink, stroke="card")} stroke-width="1.5"/>'
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        ink: str = "soft",
        anchor: str = "start",
        size: float = TEXT_PX,
        bold: bool = False,
    ) -> None:
        """Words with their baseline at y."""
        where = f' text-anchor="{anchor}"' if anchor != "start" else ""
        big = f' font-size="{_n(size)}"' if size != TEXT_PX else ""
        weight = ' font-weight="600"' if bold else ""
        self.parts.append(f'<text x="{_n(x)}" y="{_n(y)}"{where}{big}{weight} {_paint(fill=ink)}>{escape(text)}</text>')

    def svg(self, name: str, title: str, description: str) -> str:
        """The drawing as an SVG element, one picture to a screen reader. `name` must be unique on the page."""
        return (
            f'<svg viewBox="0 0 {_n(self.width)} {_n(self.height)}" '
            f'role="img" aria-labelledby="{name}-t {name}-d" font-family={quoteattr(FONTS)} font-size="{TEXT_PX}">'
            f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(description)}</desc>'
            f"{''.join(self.parts)}</svg>"
        )


def _n(value: float) -> str:
    """A coordinate, to a tenth of a pixel."""
    return f"{round(float(value), 1) + 0.0:.1f}".removesuffix(".0")


def _path(points: Sequence[Point]) -> str:
    """Straight lines through the points; one that goes straight on is left out."""
    kept: list[Point] = []
    for x, y in ((round(float(x), 1), round(float(y), 1)) for x, y in points):
        if len(kept) > 1 and (kept[-1][1] == kept[-2][1] == y or kept[-1][0] == kept[-2][0] == x):
            kept[-1] = (x, y)
        elif not kept or kept[-1] != (x, y):
            kept.append((x, y))
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in kept)


def _paint(*, fill: str = "", stroke: str = "") -> str:
    """Class and literal of each colour; without `fill` the inside is empty."""
    classes = " ".join([*([f"f-{fill}"] if fill else []), *([f"s-{stroke}"] if stroke else [])])
    outline = f' stroke="{LIGHT[stroke]}"' if stroke else ""
    return f'class="{classes}" fill="{LIGHT[fill] if fill else "none"}"{outline}'

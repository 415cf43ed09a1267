"""Colours of the report, light and dark, as CSS variables; and as literals, for a reader without them (the PDF).

Series are Okabe and Ito's colours, which colour-blind people can tell apart (jfly.uni-koeln.de/color, 2008), with
lighter ones on dark ground. Text has a contrast of at least 4.5 to 1 on every ground it stands on, held by a test.
"""

from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "ground": "#f6f7f9",
    "card": "#ffffff",
    "sunk": "#eef1f5",
    "ink": "#14181f",
    "soft": "#4b5563",
    "line": "#d9dee6",
    "accent": "#005a8f",
    "good": "#00694f",
    "bad": "#a83c00",
    "warn-ground": "#fff4e0",
    "warn-ink": "#6b4200",
    "c1": "#0072B2",
    "c2": "#E69F00",
    "c3": "#009E73",
    "c4": "#CC79A7",
    "c5": "#D55E00",
    "c6": "#56B4E9",
    "c7": "#8a93a0",
    "h0": "#e8f1f8",
    "h1": "#cbe1f0",
    "h2": "#a9cde6",
    "h3": "#80b5d9",
    "h4": "#549ac9",
    "h5": "#2a7db5",
    "h6": "#0b6098",
    "h7": "#064672",
    "h8": "#032c49",
    "gap": "#f0dcc0",
}

DARK: Mapping[str, str] = {
    "ground": "#0e1116",
    "card": "#161b22",
    "sunk": "#1f2630",
    "ink": "#e8ecf2",
    "soft": "#a7b1bf",
    "line": "#2d3643",
    "accent": "#7cc0f0",
    "good": "#52cfa6",
    "bad": "#ff9d66",
    "warn-ground": "#33270f",
    "warn-ink": "#ffd591",
    "c1": "#4aa3dd",
    "c2": "#f0b333",
    "c3": "#2fc498",
    "c4": "#dd97bd",
    "c5": "#f08242",
    "c6": "#8accf2",
    "c7": "#8a95a3",
    "h0": "#1b2733",
    "h1": "#18344b",
    "h2": "#164362",
    "h3": "#17557e",
    "h4": "#1c6a9c",
    "h5": "#2e83ba",
    "h6": "#55a0d3",
    "h7": "#8bc3e8",
    "h8": "#c8e5f8",
    "gap": "#4d3b20",
}

HEAT = tuple(f"h{level}" for level in range(9))
BASE_INKS = ("c1", "c6")
BURST_INKS = ("c2", "c3", "c4", "c5")
OTHER_INK = "c7"


def variables(colours: Mapping[str, str]) -> str:
    """The colours as CSS declarations."""
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())


def classes() -> str:
    """Rules by which drawings take their colours from the variables: .f-NAME fills, .s-NAME strokes."""
    return "".join(f".f-{name}{{fill:var(--{name})}}.s-{name}{{stroke:var(--{name})}}" for name in LIGHT)

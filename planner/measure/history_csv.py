"""History as CSV: rates that `plan` and `forecast` read, or tokens by hour that `ledger import` takes. Pure."""

from datetime import datetime

from planner.measure.history import PastTraffic

RATES_HEADER = "timestamp,input_tokens_per_s,output_tokens_per_s,model,gap"
TOKENS_HEADER = "hour,input_tokens,output_tokens,model,gap"


def rates_csv(history: PastTraffic) -> str:
    """One row per step and model; a gap has 0 for numbers that nobody reads, and gap 1."""
    lines = [RATES_HEADER]
    for row in history.rows:
        numbers = "0,0" if row.is_gap else f"{row.input_tok_s:.6g},{row.output_tok_s:.6g}"
        lines.append(f"{_time(row.start)},{numbers},{_cell(row.model)},{int(row.is_gap)}")
    return "\n".join(lines) + "\n"


def tokens_csv(history: PastTraffic) -> str:
    """The same as counts of the part that was measured, so that nothing is charged that nobody counted."""
    lines = [TOKENS_HEADER]
    step_s = history.step.total_seconds()
    for row in history.rows:
        numbers = "0,0"
        if row.input_tok_s is not None and row.output_tok_s is not None:
            measured_s = step_s * row.measured_ratio
            numbers = f"{round(row.input_tok_s * measured_s)},{round(row.output_tok_s * measured_s)}"
        lines.append(f"{_time(row.start)},{numbers},{_cell(row.model)},{int(row.is_gap)}")
    return "\n".join(lines) + "\n"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n') else text

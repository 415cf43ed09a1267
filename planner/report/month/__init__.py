"""The monthly report as people read it: one outline, rendered as HTML, PDF and Markdown. Computes nothing."""

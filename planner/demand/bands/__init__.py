"""How far a forecast may be off: conformal bands, whole paths, peaks, and the scores of all of them."""

"""Other people's formats, and our own documents read back: text in, values out. Opens nothing."""

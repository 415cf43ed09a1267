"""`baseload price` on a screen and as JSON, one module per section. Renders values; computes nothing.

A section is a module with KEY (its key in the document), SCHEMA (of that part) and a function that makes a Section of
ready values. It is listed in report/price/registry.py, which orders the sections and publishes their schema.
"""

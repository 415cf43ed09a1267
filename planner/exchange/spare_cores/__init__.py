"""Spare Cores' published database: prices of all their vendors, and llama.cpp's speed on the servers they rented.

Tables and columns are those of sc-crawler (https://github.com/SpareCores/sc-crawler, `table_bases.py`, revisions 0.3.3
to 0.9.3); what the database says is under CC BY-SA 4.0 (https://github.com/SpareCores/sc-data-dumps, README).
"""

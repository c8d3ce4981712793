"""LTM-like workbooks, seeded, of any size: nothing in them is a real lake or a real measurement."""

"""What the scripts of this folder share: servers, load, processor time, tables, charts.

Python's standard library only, except chart.py (matplotlib, optional).
"""

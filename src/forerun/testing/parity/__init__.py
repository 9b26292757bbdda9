"""`forerun parity`: the claim that a feature has one value, put to the test on any app.

`replay` (P1), `order` (P2), `truth` (P3) and `judge` (P3 by DuckDB) each play logs and give a `Level`.
"""

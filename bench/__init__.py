"""What the server and the engine can do, as ratios of two measurements made side by side.

``python -m bench`` prints a table and writes ``build/bench.json``; docs/measurements.md explains.
"""

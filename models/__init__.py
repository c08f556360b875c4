"""The nouns: what is stored, what connectors see, and every error we raise.

Persisted nouns are mapped classes; what crosses the connector border are frozen values
(``candidates.py``, ``events.py``). Nothing here imports another layer.
"""

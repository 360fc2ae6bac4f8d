"""How far off a reconstruction is: metrics, tables, records, and probes of a network."""

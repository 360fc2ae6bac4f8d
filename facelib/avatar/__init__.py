"""A head to keep: its smooth surface, its texture and its rig (chapter 12)."""

"""What photos tell together: one head and one camera per photo that explain all points seen.

`fit_head` takes what was seen in one, two or more photos (`SeenPoints`) and returns the likeliest
head, its cameras, and how sure each vertex is. Nothing here needs torch. Chapter 12 teaches it.
"""

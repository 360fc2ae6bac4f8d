"""Hair, beards, glasses, hats and clothes.

`outfit` draws it all and puts it on; each other module makes one kind of thing about the mean head,
as meshes (`garments`) or as lines drawn over the photo (`ribbons`).
"""

"""Things between face and camera: hands, microphones, phones, cups.

`solids` has closed shapes with their materials, `hand` and `objects` make them, `placing` draws a
thing and puts it to a face, and `drawing` draws it over a photo.
"""

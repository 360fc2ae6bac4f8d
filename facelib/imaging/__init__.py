"""Images as arrays: files read and written, the resampler, crops, blur, noise, JPEG, backgrounds.

Nothing here knows about meshes or faces; what is drawn from 3D is in `render`.
"""

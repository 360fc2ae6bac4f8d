"""Images as arrays: files read and written, the resampler, crops, blur, noise, JPEG, backgrounds.

Nothing here depends on meshes or faces; drawing in 3D is in `render`.
"""

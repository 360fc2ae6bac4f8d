"""The networks: photos in, position map out.

`base` has the class that all of them share, `catalogue` lists them, `weights` stores them, and
`onnx_export` writes them for programs without torch. `dense` alone answers with points of one
photo, for `fitting`. How networks are trained is in `training`.
"""

"""From photos of a face to its textured mesh; the entry point is `facelib.reconstruct`.

`reconstruct` finds the face, crops, runs a network and brings its answer back to the photo;
`texture` takes the colours. Nothing here needs torch where the network is an ONNX file.
"""

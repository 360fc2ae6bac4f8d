"""Networks that turn two face photos into a UV position map, their weights on disk, and ONNX."""

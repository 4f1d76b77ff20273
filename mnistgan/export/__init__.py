"""Export of generators to formats of other programs: ONNX, safetensors and web pages."""

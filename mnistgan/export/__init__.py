"""Export of generators to formats of other programs: ONNX and safetensors."""

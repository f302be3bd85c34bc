//! The model package: manifest, signatures and the ONNX graph writer.

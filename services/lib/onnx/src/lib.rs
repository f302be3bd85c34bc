//! ONNX Runtime sessions on threads of their own, with eager batching.

//! Everything that needs ONNX Runtime itself.

mod batching;
mod checker;
mod fixture;
mod loading;
mod parity;

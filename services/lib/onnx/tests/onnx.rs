//! The tests that need ONNX Runtime itself.

mod batching;
mod checker;
mod fixture;
mod loading;
mod parity;

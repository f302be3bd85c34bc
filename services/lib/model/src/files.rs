//! The files of a package that have a fixed meaning for the package itself.

/// The manifest. A version exists when its manifest exists.
pub const MANIFEST: &str = "manifest.json";

/// The signature of the manifest.
pub const SIGNATURE: &str = "manifest.sig";

/// The ranker, which a package may lack. Its signature follows from those of the encoder and of the
/// catalog, so the manifest does not have it.
pub const RANKER: &str = "ranker.onnx";

/// Size of the largest manifest that is read, in bytes.
pub(crate) const LARGEST_MANIFEST: usize = 4 << 20;

/// Size of the largest signature that is read, in bytes.
pub(crate) const LARGEST_SIGNATURE: usize = 4 << 10;

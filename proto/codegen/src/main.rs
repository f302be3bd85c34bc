//! Writes the bindings: `cargo run -p marquee-proto-codegen`.

use anyhow::{Context, Result};
use marquee_proto_codegen::{bindings_folder, generate};

fn main() -> Result<()> {
    let folder = bindings_folder();
    std::fs::create_dir_all(&folder).context("create the bindings' folder")?;
    for (name, body) in generate()? {
        std::fs::write(folder.join(&name), body).with_context(|| format!("write {name}"))?;
    }
    Ok(())
}

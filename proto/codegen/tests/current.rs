//! The committed bindings are up to date with the `.proto` files. `UPDATE_EXPECT=1` writes them
//! again.

use std::collections::BTreeMap;

use marquee_proto_codegen::{bindings_folder, generate};

#[test]
fn committed_bindings_are_current() {
    let fresh = generate().expect("the .proto files compile");
    let folder = bindings_folder();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        for (name, body) in &fresh {
            std::fs::write(folder.join(name), body).expect("write a binding");
        }
    }
    let committed: BTreeMap<String, Vec<u8>> = std::fs::read_dir(&folder)
        .expect("list the committed bindings")
        .map(|entry| entry.expect("read an entry").path())
        .map(|path| {
            (path.file_name().expect("a name").to_string_lossy().into_owned(), std::fs::read(&path).expect("read"))
        })
        .collect();
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&fresh), names(&committed), "run `cargo run -p marquee-proto-codegen`");
    for (name, body) in &fresh {
        assert!(body == &committed[name], "{name} is out of date: run `cargo run -p marquee-proto-codegen`");
    }
}

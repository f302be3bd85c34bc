//! The decoder of profile files, for its fuzz target. Only tests and `cargo fuzz` build it.

use super::Profile;

/// Reads profiles from the text of a file, and from what they say written again.
///
/// # Panics
/// A profile does not survive being written.
pub fn check_profile(text: &str) {
    for section in ["default", "work", "profile work"] {
        let profile = read(text, section);
        assert_eq!(parts(&read(&written(&profile, section), section)), parts(&profile), "{section}");
    }
}

fn read(text: &str, section: &str) -> Profile {
    let mut profile = Profile::default();
    profile.add(text, section);
    profile
}

/// Returns everything that a section of a file says.
fn parts(profile: &Profile) -> (&str, &str, Option<&str>, Option<&str>, Option<&str>) {
    let Profile { key_id, secret, token, region, other_way, .. } = profile;
    (key_id.as_str(), secret.as_str(), token.as_deref(), region.as_deref(), *other_way)
}

fn written(profile: &Profile, section: &str) -> String {
    let (key_id, secret, token, region, other_way) = parts(profile);
    let mut text = format!("[{section}]\naws_access_key_id = {key_id}\naws_secret_access_key = {secret}\n");
    for (key, value) in [("aws_session_token", token), ("region", region)] {
        text.extend(value.map(|value| format!("{key} = {value}\n")));
    }
    text.extend(other_way.map(|way| format!("{way} = x\n")));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# keys\n[default]\naws_access_key_id = one\naws_secret_access_key = a=b/c+\n\
        s3 =\n  region = nested\n[ profile  work ]\nregion = eu-west-1\naws_session_token = t\nsso_session = x\n";

    #[test]
    fn a_profile_file_with_any_changed_byte_is_read_and_survives() {
        assert_eq!(parts(&read(FILE, "default")), ("one", "a=b/c+", None, None, None));
        assert_eq!(parts(&read(FILE, "profile work")), ("", "", Some("t"), Some("eu-west-1"), Some("sso_session")));
        for at in 0..FILE.len() {
            for byte in [0, b'\n', b'\r', b' ', b'=', b'[', b']', b'#', b'x', 0xff] {
                let mut bytes = FILE.as_bytes().to_vec();
                bytes[at] = byte;
                check_profile(&String::from_utf8_lossy(&bytes));
            }
            check_profile(&FILE[..at]);
        }
    }
}

//! The keys that the environment of a process has: variables, profiles and, by the client, web
//! identities and the roles of a machine.
//!
//! The names are Amazon's, and its tools and machines set them. So they are read here and not with
//! the other settings.

use std::collections::BTreeMap;
use std::path::PathBuf;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};

use crate::profile::{Profile, ProfileFiles};

/// The variables of a process that begin with `AWS_`, and its home folder.
#[derive(Clone, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

/// Where the keys come from.
#[derive(Debug)]
pub(crate) enum Keys {
    /// The client finds them: variables, a web identity, or the role of a container or a machine.
    Client,
    /// A profile, which is read again while the process runs, with its region.
    Profile(ProfileFiles, Option<String>),
}

impl Environment {
    /// Reads the variables of this process. Empty variables count as absent.
    pub(crate) fn of_process() -> Self {
        Self::from_variables(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    pub(crate) fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let is_used =
            |(name, value): &(String, String)| (name.starts_with("AWS_") || name == "HOME") && !value.trim().is_empty();
        Self(variables.into_iter().filter(is_used).collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns a builder with every variable that the client understands.
    pub(crate) fn builder(&self) -> AmazonS3Builder {
        self.0.iter().fold(AmazonS3Builder::new(), |builder, (name, value)| {
            match name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
                Ok(key) if name.starts_with("AWS_") => builder.with_config(key, value),
                _ => builder,
            }
        })
    }

    /// Decides where the keys come from, in the order of Amazon's own tools: variables, a named
    /// profile, a web identity, the default profile, the role of a container or a machine.
    ///
    /// # Errors
    /// Variables of a group are missing, or the profile cannot be used.
    pub(crate) fn keys(&self) -> Result<Keys, String> {
        for (one, other) in [
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
            ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
        ] {
            if self.get(one).is_some() && self.get(other).is_none() {
                return Err(format!("{one} is set without {other}"));
            }
        }
        if self.get("AWS_ACCESS_KEY_ID").is_some() {
            return Ok(Keys::Client);
        }
        let files = self.profile_files();
        if let Some(name) = self.get("AWS_PROFILE") {
            return match files.read()? {
                Profile { has_keys: true, region, .. } => Ok(Keys::Profile(files, region)),
                Profile { other_way: Some(way), .. } => Err(format!(
                    "profile {name} gets its keys by {way}, which is not supported; export keys to the environment"
                )),
                _ => Err(format!("profile {name} (AWS_PROFILE) has no keys in {files}")),
            };
        }
        if self.get("AWS_WEB_IDENTITY_TOKEN_FILE").is_some() {
            return Ok(Keys::Client);
        }
        if let Ok(Profile { has_keys: true, region, .. }) = files.read() {
            return Ok(Keys::Profile(files, region));
        }
        let has_role = self.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").is_some()
            || self.get("AWS_CONTAINER_CREDENTIALS_FULL_URI").is_some();
        match self.get("AWS_EC2_METADATA_DISABLED") {
            Some(disabled) if disabled.eq_ignore_ascii_case("true") && !has_role => {
                Err("neither variables nor a profile have keys, and AWS_EC2_METADATA_DISABLED is true".to_owned())
            }
            _ => Ok(Keys::Client),
        }
    }

    /// Returns [`Self::keys`]. Files are read off the async threads.
    pub(crate) async fn find(&self) -> Result<Keys, String> {
        let environment = self.clone();
        tokio::task::spawn_blocking(move || environment.keys()).await.map_err(|error| error.to_string())?
    }

    fn profile_files(&self) -> ProfileFiles {
        let home = |file: &str| PathBuf::from(self.get("HOME").unwrap_or_default()).join(".aws").join(file);
        let path = |name: &str, file: &str| self.get(name).map_or_else(|| home(file), PathBuf::from);
        ProfileFiles {
            name: self.get("AWS_PROFILE").unwrap_or("default").to_owned(),
            credentials: path("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            config: path("AWS_CONFIG_FILE", "config"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Environment::from_variables(variables.iter().map(owned))
    }

    /// The variables that point to a profile file with these contents.
    fn with_profiles(name: &str, contents: &str) -> (PathBuf, Vec<(&'static str, String)>) {
        let path = std::env::temp_dir().join(format!("marquee-objects-{}-{name}", std::process::id()));
        std::fs::write(&path, contents).expect("a file");
        let file = path.display().to_string();
        (path, vec![("AWS_SHARED_CREDENTIALS_FILE", file), ("AWS_CONFIG_FILE", "/nowhere".to_owned())])
    }

    fn keys(variables: &[(&str, &str)], profiles: &[(&'static str, String)]) -> Result<Keys, String> {
        let all = profiles.iter().map(|(name, value)| (*name, value.as_str())).chain(variables.iter().copied());
        environment(&all.collect::<Vec<_>>()).keys()
    }

    #[test]
    fn keys_are_found_in_the_order_of_amazons_tools() {
        const ONE: (&str, &str) = ("AWS_ACCESS_KEY_ID", "id");
        const TWO: (&str, &str) = ("AWS_SECRET_ACCESS_KEY", "secret");
        let identity = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"), ("AWS_ROLE_ARN", "arn")];
        let text = "[default]\naws_access_key_id = d\naws_secret_access_key = s\n[work]\naws_access_key_id = w\n\
                    aws_secret_access_key = s\n[sso]\nsso_session = x\n";
        let (path, files) = with_profiles("order", text);
        let named = [("AWS_PROFILE", "work")];
        assert!(matches!(keys(&[ONE, TWO, named[0]], &files), Ok(Keys::Client)));
        let profile = |keys| match keys {
            Ok(Keys::Profile(files, _)) => files.name,
            other => panic!("no profile: {other:?}"),
        };
        assert_eq!(profile(keys(&[named[0], identity[0], identity[1]], &files)), "work");
        assert!(matches!(keys(&identity, &files), Ok(Keys::Client)));
        assert_eq!(profile(keys(&[], &files)), "default");
        for (variables, words) in [
            (vec![ONE], "AWS_SECRET_ACCESS_KEY"),
            (vec![identity[0]], "AWS_ROLE_ARN"),
            (vec![("AWS_PROFILE", "sso")], "sso_session"),
            (vec![("AWS_PROFILE", "none")], "profile none"),
        ] {
            let error = keys(&variables, &files).expect_err(words);
            assert!(error.contains(words), "{error}");
        }
        std::fs::remove_file(path).expect("removed");
        assert!(matches!(keys(&[], &files), Ok(Keys::Client)), "the role of the machine");
        assert!(keys(&[("AWS_EC2_METADATA_DISABLED", "true")], &files).is_err());
    }

    #[test]
    fn empty_variables_are_absent() {
        let environment = environment(&[("AWS_SESSION_TOKEN", " "), ("AWS_REGION", "eu-west-1"), ("OTHER", "x")]);
        assert_eq!(environment.get("AWS_SESSION_TOKEN"), None);
        assert_eq!(environment.get("OTHER"), None);
        let region = environment.builder().get_config_value(&AmazonS3ConfigKey::Region);
        assert_eq!(region.as_deref(), Some("eu-west-1"));
    }
}

//! What some data sets have besides ratings and movies: facts about users, and official folds. Only
//! evaluations use them; neither is ever part of a model.

use crate::encoding::Text;
use crate::source::Entry;
use crate::understand::understand;
use crate::{Dataset, Error, Format, Options, Ratings};

/// The largest file of users that is read.
const LARGEST: u64 = 64 << 20;

/// The longest text of a fact. Longer ones are left out.
const LONGEST: usize = 32;

/// The numbers of the folds of MovieLens 100K.
const FOLDS: std::ops::RangeInclusive<u32> = 1..=5;

/// What a data set says about a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserFacts {
    /// The id of the user.
    pub user: String,
    /// The gender: `female`, `male`, or the text of the file.
    pub gender: Option<String>,
    /// The age in years. MovieLens 1M has the smallest age of the user's group instead.
    pub age: Option<u8>,
}

impl Dataset {
    fn file(&self, name: &str) -> Option<&Entry> {
        self.files.iter().find(|file| file.name == name)
    }

    /// Returns what the data set says about its users: `u.user` of MovieLens 100K or `users.dat` of
    /// MovieLens 1M. The result is empty if there is no such file. Lines without an id are left
    /// out, and so are facts that cannot be read.
    ///
    /// # Errors
    /// The file cannot be read, or is larger than 64 MiB.
    pub fn users(&self) -> Result<Vec<UserFacts>, Error> {
        // `u.user` has the age before the gender.
        let found = [("u.user", "|", 2, 1), ("users.dat", "::", 1, 2)].into_iter();
        let found = found.filter_map(|(name, separator, gender, age)| Some((self.file(name)?, separator, gender, age)));
        let Some((file, separator, gender, age)) = found.into_iter().next() else { return Ok(Vec::new()) };
        let bytes = file.read_all(LARGEST)?;
        let text = Text::tell(&bytes, None).decode(&bytes);
        let facts = |line: &str| {
            let columns: Vec<&str> = line.split(separator).map(str::trim).collect();
            let column = |at: usize| columns.get(at).copied().filter(|text| !text.is_empty() && text.len() <= LONGEST);
            Some(UserFacts {
                user: columns.first().filter(|user| !user.is_empty()).map(|user| (*user).to_owned())?,
                gender: column(gender).map(gender_name),
                age: column(age).and_then(|text| text.parse().ok()),
            })
        };
        Ok(text.lines().filter_map(facts).collect())
    }

    /// Returns the ratings that each official fold holds out: `u1.test` to `u5.test` of MovieLens
    /// 100K. The result is empty if one of the files is missing.
    ///
    /// # Errors
    /// A file cannot be opened.
    pub fn folds(&self) -> Result<Vec<Ratings>, Error> {
        let files: Option<Vec<&Entry>> = FOLDS.map(|fold| self.file(&format!("u{fold}.test"))).collect();
        let options = Options { format: Some(Format::Tabs), ..Options::default() };
        let open = |file: &Entry| {
            let understood = understand(file, &options)?;
            Ratings::open([file.clone()].into(), understood, options.clone())
        };
        files.unwrap_or_default().into_iter().map(open).collect()
    }
}

fn gender_name(text: &str) -> String {
    match text {
        "F" | "f" => "female".to_owned(),
        "M" | "m" => "male".to_owned(),
        other => other.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, open};

    fn dataset(files: &[(&str, &str)]) -> (tempfile::TempDir, Dataset) {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("written");
        }
        let dataset = open(folder.path(), Options::default()).expect("a data set");
        (folder, dataset)
    }

    fn facts(user: &str, gender: Option<&str>, age: Option<u8>) -> UserFacts {
        UserFacts { user: user.to_owned(), gender: gender.map(str::to_owned), age }
    }

    #[test]
    fn users_are_read_as_both_publishers_write_them() {
        let (_folder, small) = dataset(&[
            ("u.data", "1\t2\t3\t4\n"),
            ("u.user", "1|24|M|technician|85711\n2|x|F|other|94043\n|3|F|x|y\n\n3\n"),
        ]);
        let wanted = [facts("1", Some("male"), Some(24)), facts("2", Some("female"), None), facts("3", None, None)];
        assert_eq!(small.users().expect("reads"), wanted);
        let (_folder, large) =
            dataset(&[("ratings.dat", "1::2::3::4\n"), ("users.dat", "1::F::1::10::48067\n2::X::300::16::70072\n")]);
        let wanted = [facts("1", Some("female"), Some(1)), facts("2", Some("x"), None)];
        assert_eq!(large.users().expect("reads"), wanted);
    }

    #[test]
    fn folds_are_those_of_the_publisher_or_absent() {
        let tests: Vec<(String, String)> =
            (1..=5).map(|fold| (format!("u{fold}.test"), format!("{fold}\t1\t3\t9\n"))).collect();
        let mut files: Vec<(&str, &str)> = vec![("u.data", "1\t2\t3\t4\n")];
        files.extend(tests.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        let (_folder, whole) = dataset(&files);
        let users: Vec<String> = whole
            .folds()
            .expect("opens")
            .into_iter()
            .map(|mut fold| fold.next().expect("a row").expect("a rating").user)
            .collect();
        assert_eq!(users, ["1", "2", "3", "4", "5"]);
        let (_folder, part) = dataset(&files[..5]);
        assert!(part.folds().expect("none").is_empty());
        assert!(part.users().expect("none").is_empty());
    }
}

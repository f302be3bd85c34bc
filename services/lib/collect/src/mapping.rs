//! Turns the records of a batch into ratings and movies. This is arithmetic and parsing, and runs
//! off the async threads.

use marquee_datasets::{Field, Mapper, Options, Recognized, movies_of};
use marquee_domain::{Movie, Timestamp};

use crate::config::Content;
use crate::destination::NewRating;
use crate::source::Record;

/// The records that tell how the others are written.
const SAMPLE: usize = 1_000;

/// What the records of a batch say.
#[derive(Debug, Default)]
pub(crate) struct Mapped {
    pub(crate) ratings: Vec<NewRating>,
    /// The index of the record of each rating.
    pub(crate) places: Vec<usize>,
    /// Why records could not be read, by the index of their ratings.
    pub(crate) unreadable: Vec<(usize, String)>,
    /// Records that say that there is no rating.
    pub(crate) unrated: u64,
    /// Movies that are described.
    pub(crate) movies: Vec<Movie>,
    /// Why other movies were left out.
    pub(crate) faults: Vec<String>,
    pub(crate) left_out: u64,
}

/// How the records of a source are mapped.
#[derive(Debug)]
pub(crate) enum Mapping {
    /// To ratings, once the first records were seen.
    Ratings { name: String, options: Box<Options>, mapper: Option<Box<Mapper>> },
    /// To movies.
    Movies { name: String, columns: Vec<(Field, String)> },
}

impl Mapping {
    pub(crate) fn new(name: &str, content: Content, options: Options, recognized: Option<&Recognized>) -> Self {
        let name = name.to_owned();
        match content {
            Content::Movies => Self::Movies { name, columns: options.columns },
            Content::Ratings => {
                let mapper = recognized.map(|recognized| Box::new(Mapper::new(recognized.clone(), &options)));
                Self::Ratings { name, options: Box::new(options), mapper }
            }
        }
    }

    /// Recognizes how the records are written, unless earlier ones told it. Records that are no
    /// JSON objects tell nothing.
    pub(crate) fn recognize(&mut self, records: &[Record]) -> Result<(), marquee_datasets::Error> {
        let Self::Ratings { name, options, mapper: mapper @ None } = self else { return Ok(()) };
        let is_object = |record: &&Record| {
            serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(record.json()).is_ok()
        };
        let sample: Vec<&[u8]> = records.iter().filter(is_object).take(SAMPLE).map(Record::json).collect();
        if sample.is_empty() {
            return Ok(());
        }
        match Mapper::recognize(name, sample, options) {
            Ok(found) => *mapper = Some(Box::new(found)),
            // Other events may come before the first rating. The columns of ratings are known.
            Err(marquee_datasets::Error::NoColumn { .. }) if names_all(options) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Returns what was recognized.
    pub(crate) fn recognized(&self) -> Option<&Recognized> {
        self.mapper().map(Mapper::recognized)
    }

    pub(crate) fn mapper(&self) -> Option<&Mapper> {
        match self {
            Self::Ratings { mapper, .. } => mapper.as_deref(),
            Self::Movies { .. } => None,
        }
    }

    /// Returns the columns that ratings need, each with what it holds.
    pub(crate) fn needed(&self) -> Vec<(Field, String)> {
        let Some(mapper) = self.mapper() else { return Vec::new() };
        let fields = [Field::User, Field::Movie, Field::Rating, Field::Time, Field::Title];
        let is_needed = |field: &Field| match field {
            Field::Movie => !mapper.recognized().movie_from_title,
            Field::Title => mapper.recognized().movie_from_title,
            _ => true,
        };
        let column = |field: Field| Some((field, mapper.column(field)?.to_owned()));
        fields.into_iter().filter(is_needed).filter_map(column).collect()
    }

    /// Maps records, of which the first has the number `first`.
    pub(crate) fn map(&mut self, records: &[Record], first: u64) -> Mapped {
        let mut mapped = Mapped::default();
        match self {
            Self::Movies { name, columns } => {
                let catalog = movies_of(name, columns, first, records.iter().map(Record::json));
                mapped.movies = catalog.movies;
                mapped.left_out = catalog.left_out;
                mapped.faults = catalog.faults.iter().map(ToString::to_string).collect();
            }
            Self::Ratings { mapper: None, .. } => {
                for (index, record) in records.iter().enumerate() {
                    mapped.reject(index, record, "line is not a JSON object with a rating".to_owned());
                }
            }
            Self::Ratings { mapper: Some(mapper), .. } => {
                for (index, (line, record)) in (first..).zip(records).enumerate() {
                    match mapper.map(line, record.json()) {
                        Ok(None) => mapped.unrated += 1,
                        Ok(Some(row)) => {
                            let rated_at: Timestamp = row.rated_at.or(record.time).unwrap_or_else(|| row.time());
                            mapped.places.push(index);
                            mapped.ratings.push(NewRating {
                                user: row.user,
                                movie: row.movie,
                                rating: Some(row.rating),
                                rated_at: Some(rated_at),
                            });
                        }
                        Err(error) => mapped.reject(index, record, format!("{} {}", error.field, error.reason)),
                    }
                }
                mapped.movies = mapper.take_movies().movies;
            }
        }
        mapped
    }
}

/// Returns whether the configuration names every column that a rating needs.
fn names_all(options: &Options) -> bool {
    let names = |field: Field| options.columns.iter().any(|(named, _)| *named == field);
    let has_user = options.user.is_some() || names(Field::User);
    has_user && names(Field::Rating) && (names(Field::Movie) || names(Field::Title))
}

impl Mapped {
    /// Adds a record that cannot be read: a rating without a value, with the record's place and
    /// text instead of the ids, as an import sends it.
    fn reject(&mut self, index: usize, record: &Record, why: String) {
        let text = String::from_utf8_lossy(&record.raw);
        self.unreadable.push((self.ratings.len(), why));
        self.places.push(index);
        self.ratings.push(NewRating {
            user: record.place.clone(),
            movie: text.chars().take(1_000).collect(),
            rating: None,
            rated_at: None,
        });
    }
}

//! Reads movies from a Parquet file. Genres are one column of text or of lists, or one column of
//! flags for each genre. Columns that are not needed are not read.

use marquee_parquet::{Batches, Column, ColumnInfo, Kind, Options, Table};

use super::{Drafts, draft, genres};
use crate::columns;
use crate::error::Error;
use crate::names::{Columns, Field, canonical};
use crate::source::Entry;

/// Reads the movies of a file.
pub(super) fn read(entry: &Entry, drafts: &mut Drafts) -> Result<(), Error> {
    let failed = |source| Error::Parquet { name: entry.name.clone(), source };
    let infos = columns::open(entry, &[], 1)?.columns().to_vec();
    let positions = Columns::find(infos.iter().map(|info| info.name.as_str()), &[], Field::rank_in_movies);
    for field in [Field::Movie, Field::Title] {
        if positions.get(field).is_none() {
            let usual = if field == Field::Title { "`title`" } else { "`movie_id` or `item_id`" };
            let found = infos.iter().map(|info| info.name.clone()).collect();
            let fix = format!("name the column {usual}");
            return Err(Error::NoColumn { name: entry.name.clone(), field: field.name(), fix, found });
        }
    }
    let is_needed = |field: Field| matches!(field, Field::Movie | Field::Title);
    let is_readable = |info: &ColumnInfo| !matches!(info.kind, Kind::Unsupported(_));
    let wanted: Vec<(Field, ColumnInfo)> = positions
        .iter()
        .filter_map(|(field, at)| Some((field, infos.get(at)?.clone())))
        .filter(|(field, info)| is_needed(*field) || is_readable(info))
        .collect();
    let is_flag = |info: &&ColumnInfo| {
        let is_named = Field::ALL.iter().any(|field| field.rank_in_movies(&canonical(&info.name)).is_some());
        matches!(info.kind, Kind::Bool | Kind::Int64)
            && !is_named
            && wanted.iter().all(|(_, known)| known.name != info.name)
    };
    let flags: Vec<&ColumnInfo> = infos.iter().filter(is_flag).collect();
    let mut names: Vec<String> = wanted.iter().map(|(_, info)| info.name.clone()).collect();
    names.extend(flags.iter().map(|info| info.name.clone()));
    names.sort_unstable();
    names.dedup();
    // A column counts as flags only if all its values do, so the batches are as large as possible.
    let options = Options { columns: Some(names), batch_rows: usize::MAX };
    let (batches, mut line) = (Batches::open(entry.random_access()?, options).map_err(failed)?, 0);
    for batch in batches {
        let batch = batch.map_err(failed)?;
        let flags: Vec<(&str, &Column)> = flags.iter().filter_map(|info| flag_column(&batch, &info.name)).collect();
        for row in 0..batch.rows() {
            line += 1;
            let mut movie = draft(line, &columns::cells(&batch, &wanted, row));
            let set: Vec<String> =
                flags.iter().filter(|(_, flags)| is_set(flags, row)).map(|(name, _)| (*name).to_owned()).collect();
            if !set.is_empty() {
                movie.genres = genres::Given::List(set);
            }
            drafts.push(movie);
        }
    }
    Ok(())
}

fn flag_column<'a>(batch: &'a Table, name: &'a str) -> Option<(&'a str, &'a Column)> {
    let column = batch.column(name)?;
    let is_flags = match column {
        Column::Bool(_) => true,
        Column::Int64(values) => values.iter().all(|value| matches!(value, Some(0 | 1))),
        _ => false,
    };
    is_flags.then_some((name, column))
}

fn is_set(column: &Column, row: usize) -> bool {
    match column {
        Column::Bool(values) => values.get(row) == Some(&Some(true)),
        Column::Int64(values) => values.get(row) == Some(&Some(1)),
        _ => false,
    }
}

//! Files as other programs write them: their codecs, types and nesting.

use std::sync::Arc;

use bytes::Bytes;
use marquee_parquet::{Batches, Column, Kind, Options, Table, read};
use parquet::basic::{Compression, Encoding};
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type, Int96,
    Int96Type,
};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

type Group<'a> = SerializedRowGroupWriter<'a, Vec<u8>>;

/// Writes one row group of a schema.
fn file(schema: &str, properties: WriterPropertiesBuilder, columns: impl FnOnce(&mut Group<'_>)) -> Bytes {
    let schema = Arc::new(parse_message_type(&format!("message m {{ {schema} }}")).expect("a schema"));
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties.build())).expect("a writer");
    let mut group = file.next_row_group().expect("a row group");
    columns(&mut group);
    group.close().expect("written");
    file.into_inner().expect("written").into()
}

fn column<T: DataType>(group: &mut Group<'_>, values: &[T::T], defined: Option<&[i16]>, repeated: Option<&[i16]>) {
    let mut column = group.next_column().expect("a column").expect("a column");
    column.typed::<T>().write_batch(values, defined, repeated).expect("written");
    column.close().expect("written");
}

fn texts(values: &[&str]) -> Vec<ByteArray> {
    values.iter().map(|text| ByteArray::from(*text)).collect()
}

#[test]
fn both_versions_of_pages_are_read() {
    let numbers: Vec<i64> = (0..100_000).map(|row| row % 1_000).collect();
    for codec in [Compression::UNCOMPRESSED, Compression::SNAPPY] {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            let properties = WriterProperties::builder().set_compression(codec).set_writer_version(version);
            let bytes = file("optional int64 n;", properties.set_dictionary_enabled(false), |group| {
                column::<Int64Type>(group, &numbers, Some(&vec![1; numbers.len()]), None);
            });
            let expected = Column::Int64(numbers.iter().copied().map(Some).collect());
            assert_eq!(read(bytes).expect("readable").column("n"), Some(&expected), "{codec}");
        }
    }
}

#[test]
fn times_of_96_bits_and_decimals_are_read() {
    let schema = "optional int96 at; required int32 small (DECIMAL(5,1)); required int64 whole (DECIMAL(10,0)); \
                  required fixed_len_byte_array(3) fixed (DECIMAL(5,2)); required binary wide (DECIMAL(30,1));";
    let bytes = file(schema, WriterProperties::builder(), |group| {
        let mut time = Int96::new();
        let nanos = 67_503_000_000_000_u64;
        time.set_data(nanos as u32, (nanos >> 32) as u32, 2_451_756);
        column::<Int96Type>(group, &[time], Some(&[1, 0]), None);
        column::<Int32Type>(group, &[35, -5], None, None);
        column::<Int64Type>(group, &[7, 8], None, None);
        let fixed = |bytes: [u8; 3]| FixedLenByteArray::from(bytes.to_vec());
        column::<FixedLenByteArrayType>(group, &[fixed([0, 1, 94]), fixed([255, 255, 206])], None, None);
        column::<ByteArrayType>(group, &[ByteArray::from(vec![45]), ByteArray::from(vec![0, 50])], None, None);
    });
    let table = read(bytes).expect("readable");
    assert_eq!(table.column("at"), Some(&Column::Int64(vec![Some(964_982_703_000_000), None])));
    let floats = |values: [f64; 2]| Some(Column::Float64(values.map(Some).to_vec()));
    assert_eq!(table.column("small"), floats([3.5, -0.5]).as_ref());
    assert_eq!(table.column("whole"), Some(&Column::Int64(vec![Some(7), Some(8)])));
    assert_eq!(table.column("fixed"), floats([3.5, -0.5]).as_ref());
    assert_eq!(table.column("wide"), floats([4.5, 5.0]).as_ref());
}

#[test]
fn lists_of_texts_and_fields_of_structures_are_read() {
    let schema = "optional group genres (LIST) { repeated group list { optional binary element (UTF8); } } \
                  optional group movie { optional int64 id; } \
                  optional group cast (LIST) { repeated group list { optional group element { optional binary name (UTF8); optional int32 age; } } }";
    let bytes = file(schema, WriterProperties::builder(), |group| {
        // ["War", "Drama"], [], None, [None, "War"]
        let genres = texts(&["War", "Drama", "War"]);
        column::<ByteArrayType>(group, &genres, Some(&[3, 3, 1, 0, 2, 3]), Some(&[0, 1, 0, 0, 0, 1]));
        column::<Int64Type>(group, &[7], Some(&[2, 1, 0, 0]), None);
        column::<ByteArrayType>(group, &[], Some(&[0; 4]), Some(&[0; 4]));
        column::<Int32Type>(group, &[], Some(&[0; 4]), Some(&[0; 4]));
    });
    let names = vec!["genres".to_owned(), "movie.id".to_owned()];
    let options = Options { columns: Some(names), batch_rows: 3 };
    let mut batches = Batches::open(bytes, options).expect("readable");
    let kinds: Vec<_> = batches.columns().iter().map(|info| (info.name.clone(), info.kind)).collect();
    assert_eq!(kinds[..2], [("genres".to_owned(), Kind::List), ("movie.id".to_owned(), Kind::Int64)]);
    assert!(kinds[2..].iter().all(|(_, kind)| matches!(kind, Kind::Unsupported(_))), "{kinds:?}");
    let first = batches.next().expect("a batch").expect("readable");
    let list = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
    assert_eq!(first.column("genres"), Some(&Column::List(vec![list(&["War", "Drama"]), None, None])));
    assert_eq!(first.column("movie.id"), Some(&Column::Int64(vec![Some(7), None, None])));
    let last = batches.next().expect("a batch").expect("readable");
    assert_eq!(last.column("genres"), Some(&Column::List(vec![list(&["War"])])));
    let table = Table { columns: vec![("a".to_owned(), Column::List(vec![None]))] };
    assert!(marquee_parquet::write(&table).is_err(), "lists are only read");
}

#[test]
fn text_with_lengths_and_beginnings_as_differences_is_read_and_no_damage_panics() {
    for encoding in [Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY] {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            let properties = || {
                let properties = WriterProperties::builder().set_dictionary_enabled(false);
                properties.set_encoding(encoding).set_writer_version(version)
            };
            let bytes = file("optional binary t (UTF8);", properties(), |group| {
                column::<ByteArrayType>(group, &texts(&["abc", "abde"]), Some(&[1, 0, 1]), None);
            });
            let expected = Column::Utf8(vec![Some("abc".to_owned()), None, Some("abde".to_owned())]);
            assert_eq!(read(bytes.clone()).expect("readable").column("t"), Some(&expected));
            for at in 0..bytes.len() {
                for value in [0, 0x7f, 0x80, 0xff] {
                    let mut damaged = bytes.to_vec();
                    damaged[at] = value;
                    let _ = read(damaged.into());
                }
            }

            // Several pages, and several blocks of lengths of several widths in each.
            let many: Vec<String> = (0..5_000).map(|n| format!("user-{}{}", n / 3, "x".repeat(n * n % 61))).collect();
            let columns = "required binary t (UTF8); required fixed_len_byte_array(3) d (DECIMAL(5,1));";
            let properties = properties().set_data_page_row_count_limit(1_700).set_write_batch_size(100);
            let properties = properties.set_column_encoding("d".into(), Encoding::DELTA_BYTE_ARRAY);
            let bytes = file(columns, properties, |group| {
                column::<ByteArrayType>(
                    group,
                    &texts(&many.iter().map(String::as_str).collect::<Vec<_>>()),
                    None,
                    None,
                );
                let decimals: Vec<FixedLenByteArray> =
                    (0..5_000_u32).map(|n| n.to_be_bytes()[1..].to_vec().into()).collect();
                column::<FixedLenByteArrayType>(group, &decimals, None, None);
            });
            let table = read(bytes).expect("readable");
            assert_eq!(table.column("t"), Some(&Column::Utf8(many.into_iter().map(Some).collect())));
            let decimals = (0..5_000_u32).map(|n| Some(f64::from(n) / 10.0)).collect();
            assert_eq!(table.column("d"), Some(&Column::Float64(decimals)), "{encoding} {version:?}");
        }
    }
}

//! The scanner of one message.

use super::{Field, FieldKind, Schema};

/// The deepest nesting, which is the limit of the decoder too.
const DEEPEST: usize = 100;

/// Why a message must not be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) enum ScanError {
    /// The message would take more memory than the limit, because of this field of the request.
    TooLarge(String),
    /// The bytes are not a protobuf message.
    Malformed,
}

/// Reads the fields of one message as its bytes arrive.
#[derive(Debug)]
pub(in crate::server) struct Scanner {
    /// The messages around the next byte, from the outside: shape and end.
    around: Vec<(usize, usize)>,
    position: usize,
    state: State,
    /// A number that has not arrived whole: its bits so far and the shift of the next ones.
    number: u64,
    shift: u32,
    memory: usize,
    limit: usize,
    /// The number of the field of the request that is being read.
    outer: u32,
    /// The groups around the next byte. No field of ours is a group, so the decoder skips them.
    groups: usize,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Tag,
    Value,
    Length(u32),
    Skip(usize),
}

impl Scanner {
    /// Creates a scanner for a message of a shape and a length.
    pub(in crate::server) fn new(shape: usize, len: usize, limit: usize) -> Self {
        Self {
            around: vec![(shape, len)],
            position: 0,
            state: State::Tag,
            number: 0,
            shift: 0,
            memory: 0,
            limit,
            outer: 0,
            groups: 0,
        }
    }

    /// Reads further bytes. Bytes after the end of the message must not be given.
    pub(in crate::server) fn read(&mut self, schema: &Schema, mut bytes: &[u8]) -> Result<(), ScanError> {
        while let Some(&first) = bytes.first() {
            if let State::Skip(left) = self.state {
                let skipped = left.min(bytes.len());
                bytes = &bytes[skipped..];
                self.position += skipped;
                self.state = if skipped == left { State::Tag } else { State::Skip(left - skipped) };
            } else {
                bytes = &bytes[1..];
                self.position += 1;
                if let Some(number) = self.add(first)? {
                    self.number_read(schema, number)?;
                }
            }
            if matches!(self.state, State::Tag | State::Skip(0)) && self.shift == 0 {
                self.state = State::Tag;
                self.leave()?;
            }
        }
        Ok(())
    }

    /// Adds a byte to a number, and returns the number if that was its last byte.
    fn add(&mut self, byte: u8) -> Result<Option<u64>, ScanError> {
        if self.shift >= 70 {
            return Err(ScanError::Malformed);
        }
        if self.shift < 64 {
            self.number |= u64::from(byte & 0x7f) << self.shift;
        }
        self.shift += 7;
        if byte >= 0x80 {
            return Ok(None);
        }
        self.shift = 0;
        Ok(Some(std::mem::take(&mut self.number)))
    }

    fn number_read(&mut self, schema: &Schema, number: u64) -> Result<(), ScanError> {
        self.state = match self.state {
            State::Tag => {
                let field = u32::try_from(number >> 3).map_err(|_| ScanError::Malformed)?;
                if field == 0 {
                    return Err(ScanError::Malformed);
                }
                if self.around.len() == 1 {
                    self.outer = field;
                }
                match number & 7 {
                    0 => self.value(schema, field, State::Value)?,
                    1 => self.value(schema, field, State::Skip(8))?,
                    2 => State::Length(field),
                    3 => {
                        self.groups += 1;
                        State::Tag
                    }
                    4 => {
                        self.groups = self.groups.checked_sub(1).ok_or(ScanError::Malformed)?;
                        State::Tag
                    }
                    5 => self.value(schema, field, State::Skip(4))?,
                    _ => return Err(ScanError::Malformed),
                }
            }
            State::Value => State::Tag,
            State::Length(field) => {
                let len = usize::try_from(number).map_err(|_| ScanError::Malformed)?;
                self.enter(schema, field, len)?
            }
            State::Skip(left) => State::Skip(left),
        };
        Ok(())
    }

    /// Returns the field with a number of the message around the next byte. Inside of a group no
    /// field is known.
    fn field<'a>(&self, schema: &'a Schema, number: u32) -> Option<&'a Field> {
        if self.groups > 0 {
            return None;
        }
        let (shape, _) = self.around.last()?;
        schema.shapes.get(*shape)?.field(number)
    }

    /// Counts a number and returns the next state.
    fn value(&mut self, schema: &Schema, number: u32, next: State) -> Result<State, ScanError> {
        let cost = self.field(schema, number).map_or(0, |field| field.cost);
        self.pay(schema, cost).map(|()| next)
    }

    /// Begins the content of a field with a length.
    fn enter(&mut self, schema: &Schema, number: u32, len: usize) -> Result<State, ScanError> {
        let &(_, end) = self.around.last().ok_or(ScanError::Malformed)?;
        let inner_end = self.position.checked_add(len).filter(|inner| *inner <= end).ok_or(ScanError::Malformed)?;
        let Some(field) = self.field(schema, number) else { return Ok(State::Skip(len)) };
        // Each byte of a packed list may be a number.
        let values = if field.kind == FieldKind::Number { len } else { 1 };
        self.pay(schema, field.cost.saturating_mul(values))?;
        let FieldKind::Message(inner) = field.kind else { return Ok(State::Skip(len)) };
        if self.around.len() > DEEPEST {
            return Err(ScanError::Malformed);
        }
        self.around.push((inner, inner_end));
        Ok(State::Tag)
    }

    /// Counts the memory of further values.
    fn pay(&mut self, schema: &Schema, cost: usize) -> Result<(), ScanError> {
        self.memory = self.memory.saturating_add(cost);
        if self.memory <= self.limit {
            return Ok(());
        }
        let request = self.around.first().and_then(|(shape, _)| schema.shapes.get(*shape));
        let outer = request.and_then(|shape| shape.field(self.outer));
        Err(ScanError::TooLarge(outer.map_or_else(|| "body".to_owned(), |field| field.name.clone())))
    }

    /// Leaves the messages that end here. The request itself is never left.
    fn leave(&mut self) -> Result<(), ScanError> {
        while let [.., _, (_, end)] = self.around[..] {
            if self.position > end {
                return Err(ScanError::Malformed);
            }
            if self.position < end {
                break;
            }
            if self.groups > 0 {
                return Err(ScanError::Malformed);
            }
            self.around.pop();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};

    use super::*;

    const LIMIT: usize = 1 << 20;

    /// The schema of descriptors themselves: nested messages, texts and numbers.
    fn schema() -> Schema {
        use prost_types::field_descriptor_proto::{Label, Type};
        let field = |name: &str, number: i32, kind: Type, of: &str| prost_types::FieldDescriptorProto {
            name: Some(name.to_owned()),
            number: Some(number),
            label: Some(Label::Repeated.into()),
            r#type: Some(kind.into()),
            type_name: (!of.is_empty()).then(|| of.to_owned()),
            ..Default::default()
        };
        let message = DescriptorProto {
            name: Some("Tree".to_owned()),
            field: vec![
                field("trees", 1, Type::Message, ".test.Tree"),
                field("names", 2, Type::String, ""),
                field("counts", 3, Type::Uint64, ""),
            ],
            ..Default::default()
        };
        let file =
            FileDescriptorProto { package: Some("test".to_owned()), message_type: vec![message], ..Default::default() };
        Schema::read(&FileDescriptorSet { file: vec![file] }.encode_to_vec()).expect("descriptors")
    }

    fn scan(bytes: &[u8], step: usize) -> Result<(), ScanError> {
        let schema = schema();
        let shape = schema.message("test.Tree").expect("known");
        let mut scanner = Scanner::new(shape, bytes.len(), LIMIT);
        bytes.chunks(step).try_for_each(|chunk| scanner.read(&schema, chunk))
    }

    #[test]
    fn empty_messages_texts_and_packed_numbers_are_stopped_at_the_limit() {
        let too_large = |name: &str| Err(ScanError::TooLarge(name.to_owned()));
        assert_eq!(scan(&[0x0a, 0].repeat(100_000), 1_000), too_large("trees"));
        assert_eq!(scan(&[0x12, 0].repeat(100_000), 7), too_large("names"));
        let packed = [&[0x1a, 0xc0, 0x9a, 0x0c][..], &[1; 200_000]].concat();
        assert_eq!(scan(&packed, 4_096), too_large("counts"));
        // Texts inside a tree are counted too, and named by the field of the request.
        let inside = [&[0x0a, 0xc0, 0x9a, 0x0c][..], &[0x12, 0].repeat(100_000)].concat();
        assert_eq!(scan(&inside, 3), too_large("trees"));
    }

    #[test]
    fn ordinary_requests_fit_by_their_length_and_long_ones_do_not() {
        let schema = schema();
        assert!(schema.fits_by_length(16 << 10, LIMIT) && !schema.fits_by_length(LIMIT, LIMIT));
        assert!(Schema::default().fits_by_length(usize::MAX, LIMIT), "messages without fields take nothing");
    }

    #[test]
    fn a_message_within_the_limit_passes_however_it_is_cut() {
        let text = [&[0x12, 5][..], b"hello"].concat();
        let message = [&[0x18, 0x96, 0x01, 0x0a, 7][..], &text, &[0x1a, 2, 1, 2, 0x0a, 0, 0x25, 1, 2, 3, 4]].concat();
        for step in 1..=message.len() {
            assert_eq!(scan(&message, step), Ok(()), "{step}");
        }
    }

    #[test]
    fn the_content_of_a_group_is_skipped() {
        // Field 5 is a group whose field 1 is no message of ours.
        let group = [0x2b, 0x0a, 3, 0xff, 0xff, 0xff, 0x2c, 0x0a, 0];
        assert_eq!(scan(&group, 1), Ok(()));
        assert!(DescriptorProto::decode(&[0xa3, 0x06, 0x0a, 1, 0xff, 0xa4, 0x06][..]).is_ok(), "the decoder skips it");
        // What follows a group counts again.
        let many = [&group[..], &[0x0a, 0].repeat(100_000)].concat();
        assert_eq!(scan(&many, 7), Err(ScanError::TooLarge("trees".to_owned())));
        // A group ends in the message in which it begins.
        assert_eq!(scan(&[0x0a, 1, 0x2b, 0x2c], 1), Err(ScanError::Malformed));
        assert_eq!(scan(&[0x2c], 1), Err(ScanError::Malformed));
    }

    #[test]
    fn what_no_decoder_accepts_is_malformed() {
        let deep = (0..200_usize).rev().fold(Vec::new(), |inner: Vec<u8>, _| {
            let mut outer = vec![0x0a];
            prost::encode_length_delimiter(inner.len(), &mut outer).expect("memory");
            outer.extend(inner);
            outer
        });
        let wrong: [&[u8]; 6] =
            [&[0], &[0x07, 0], &[0xff; 12], &[0x12, 9, b'x'], &[0x0a, 2, 0x12, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0], &deep];
        for bytes in wrong {
            assert_eq!(scan(bytes, 2), Err(ScanError::Malformed), "{:?}", &bytes[..bytes.len().min(16)]);
        }
    }

    /// The message that [`schema`] describes.
    #[derive(Clone, PartialEq, Message)]
    struct Tree {
        #[prost(message, repeated, tag = "1")]
        trees: Vec<Tree>,
        #[prost(string, repeated, tag = "2")]
        names: Vec<String>,
        #[prost(uint64, repeated, tag = "3")]
        counts: Vec<u64>,
    }

    /// Tags of known and unknown fields and groups, lengths, and other bytes.
    const WORDS: [u8; 16] = [0x0a, 0x12, 0x1a, 0x18, 0x2a, 0x2b, 0x2c, 0x33, 0x34, 0x25, 0, 1, 2, 3, 0x81, 0xff];

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(20_000))]

        #[test]
        fn what_the_decoder_accepts_is_not_malformed(
            bytes in proptest::collection::vec(proptest::sample::select(&WORDS[..]), 0..24), step in 1..5_usize,
        ) {
            let is_accepted = Tree::decode(&bytes[..]).is_ok();
            proptest::prop_assert!(!is_accepted || scan(&bytes, step) != Err(ScanError::Malformed));
        }

        #[test]
        fn a_message_that_fits_by_its_length_is_never_too_large(
            bytes in proptest::collection::vec(proptest::sample::select(&WORDS[..]), 0..64),
        ) {
            let schema = schema();
            let limit = bytes.len() * schema.densest;
            proptest::prop_assert!(schema.fits_by_length(bytes.len(), limit));
            let shape = schema.message("test.Tree").expect("known");
            let scanned = Scanner::new(shape, bytes.len(), limit).read(&schema, &bytes);
            proptest::prop_assert!(!matches!(scanned, Err(ScanError::TooLarge(_))), "{scanned:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_cuts_do_not_matter(bytes: Vec<u8>, step in 1..9_usize) {
            proptest::prop_assert_eq!(scan(&bytes, step), scan(&bytes, bytes.len() + 1));
        }
    }
}

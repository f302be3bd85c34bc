//! The values of a tensor in JSON: a list, flat or nested like the shape. Texts are strings.

use std::fmt;

use bytes::Bytes;
use half::{bf16, f16};
use marquee_domain::Reason;
use marquee_kit::Failure;
use marquee_onnx::{Element, Kind, Tensor, TensorError};
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::super::raw::{MOST_TEXTS, count, misfit};

/// Reads a tensor.
pub(super) fn read(field: &str, kind: Kind, shape: Vec<usize>, data: &RawValue) -> Result<Tensor, Failure> {
    let most = count(field, &shape)?;
    let most = if kind == Kind::Text { most.min(MOST_TEXTS) } else { most };
    let malformed = |error: serde_json::Error| {
        Failure::field(format!("{field}.data"), Reason::Malformed, format!("is not valid for {kind}: {error}"))
    };
    let tensor = match kind {
        Kind::Bool => packed::<bool>(shape, most, data),
        Kind::U8 => packed::<u8>(shape, most, data),
        Kind::U16 => packed::<u16>(shape, most, data),
        Kind::U32 => packed::<u32>(shape, most, data),
        Kind::U64 => packed::<u64>(shape, most, data),
        Kind::I8 => packed::<i8>(shape, most, data),
        Kind::I16 => packed::<i16>(shape, most, data),
        Kind::I32 => packed::<i32>(shape, most, data),
        Kind::I64 => packed::<i64>(shape, most, data),
        Kind::F16 => packed::<f16>(shape, most, data),
        Kind::Bf16 => packed::<bf16>(shape, most, data),
        Kind::F32 => packed::<f32>(shape, most, data),
        Kind::F64 => packed::<f64>(shape, most, data),
        Kind::Text => flat::<Bytes>(most, data).map(|texts| Tensor::from_texts(shape, texts)),
    };
    tensor.map_err(malformed)?.map_err(|error| misfit(field, &error))
}

type Outcome = Result<Result<Tensor, TensorError>, serde_json::Error>;

fn packed<T: Element + FromJson>(shape: Vec<usize>, most: usize, data: &RawValue) -> Outcome {
    Ok(Tensor::from_vec(shape, flat::<T>(most, data)?))
}

/// Reads at most `most` values.
fn flat<T: FromJson>(most: usize, data: &RawValue) -> Result<Vec<T>, serde_json::Error> {
    let mut values = Vec::new();
    Flat { values: &mut values, most }.deserialize(data)?;
    Ok(values)
}

/// A value that JSON can hold. Each method returns `None` if the type does not have the value.
trait FromJson: Sized {
    fn integer(_: i128) -> Option<Self> {
        None
    }

    fn float(_: f64) -> Option<Self> {
        None
    }

    fn boolean(_: bool) -> Option<Self> {
        None
    }

    fn text(_: &str) -> Option<Self> {
        None
    }
}

macro_rules! integers {
    ($($rust:ty),*) => {
        $(impl FromJson for $rust {
            fn integer(value: i128) -> Option<Self> {
                Self::try_from(value).ok()
            }
        })*
    };
}

integers!(u8, u16, u32, u64, i8, i16, i32, i64);

macro_rules! floats {
    ($($rust:ty => $from:expr),*) => {
        $(impl FromJson for $rust {
            fn integer(value: i128) -> Option<Self> {
                Some($from(value as f64))
            }

            fn float(value: f64) -> Option<Self> {
                Some($from(value))
            }
        })*
    };
}

floats!(f64 => |value| value, f32 => |value: f64| value as f32, f16 => f16::from_f64, bf16 => bf16::from_f64);

impl FromJson for bool {
    fn integer(value: i128) -> Option<Self> {
        [false, true].into_iter().find(|one| i128::from(*one) == value)
    }

    fn boolean(value: bool) -> Option<Self> {
        Some(value)
    }
}

impl FromJson for Bytes {
    fn text(value: &str) -> Option<Self> {
        Some(Self::copy_from_slice(value.as_bytes()))
    }
}

/// Reads a value, or the values of a list, which may be nested. serde_json limits the depth.
struct Flat<'a, T> {
    values: &'a mut Vec<T>,
    most: usize,
}

impl<T> Flat<'_, T> {
    fn push<E: Error>(self, value: Option<T>, found: &dyn fmt::Display) -> Result<(), E> {
        let value = value.ok_or_else(|| E::custom(format_args!("the type does not have the value {found}")))?;
        if self.values.len() >= self.most {
            return Err(E::custom(format_args!("it has more than the {} values of its shape", self.most)));
        }
        self.values.push(value);
        Ok(())
    }
}

impl<'de, T: FromJson> DeserializeSeed<'de> for Flat<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: FromJson> Visitor<'de> for Flat<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Flat { values: &mut *self.values, most: self.most })?.is_some() {}
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.push(T::integer(value.into()), &value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.push(T::integer(value.into()), &value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.push(T::float(value), &value)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.push(T::boolean(value), &value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        let shown: String = value.chars().take(40).collect();
        self.push(T::text(value), &format_args!("'{shown}'"))
    }
}

/// Writes the values of a tensor as a flat list. Numbers that are not finite become null.
pub(super) struct Data<'a>(pub(super) &'a Tensor);

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(tensor) = self;
        match tensor.kind() {
            Kind::Bool => serializer.collect_seq(values::<bool>(tensor)),
            Kind::U8 => serializer.collect_seq(values::<u8>(tensor)),
            Kind::U16 => serializer.collect_seq(values::<u16>(tensor)),
            Kind::U32 => serializer.collect_seq(values::<u32>(tensor)),
            Kind::U64 => serializer.collect_seq(values::<u64>(tensor)),
            Kind::I8 => serializer.collect_seq(values::<i8>(tensor)),
            Kind::I16 => serializer.collect_seq(values::<i16>(tensor)),
            Kind::I32 => serializer.collect_seq(values::<i32>(tensor)),
            Kind::I64 => serializer.collect_seq(values::<i64>(tensor)),
            Kind::F16 => serializer.collect_seq(values::<f16>(tensor).iter().map(|value| value.to_f32())),
            Kind::Bf16 => serializer.collect_seq(values::<bf16>(tensor).iter().map(|value| value.to_f32())),
            Kind::F32 => serializer.collect_seq(values::<f32>(tensor)),
            Kind::F64 => serializer.collect_seq(values::<f64>(tensor)),
            Kind::Text => {
                let texts = tensor.as_texts().unwrap_or_default();
                serializer.collect_seq(texts.iter().map(|text| String::from_utf8_lossy(text)))
            }
        }
    }
}

fn values<T: Element>(tensor: &Tensor) -> &[T] {
    tensor.values().unwrap_or_default()
}

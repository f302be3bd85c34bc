//! The names of element types in the protocol.

use marquee_domain::Reason;
use marquee_kit::Failure;
use marquee_onnx::Kind;
use marquee_proto::inference::DataType;

/// Returns the name of a type.
pub(super) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "BOOL",
        Kind::U8 => "UINT8",
        Kind::U16 => "UINT16",
        Kind::U32 => "UINT32",
        Kind::U64 => "UINT64",
        Kind::I8 => "INT8",
        Kind::I16 => "INT16",
        Kind::I32 => "INT32",
        Kind::I64 => "INT64",
        Kind::F16 => "FP16",
        Kind::Bf16 => "BF16",
        Kind::F32 => "FP32",
        Kind::F64 => "FP64",
        Kind::Text => "BYTES",
    }
}

/// Returns the type with a name. `field` names the input in errors.
pub(super) fn parse(field: &str, text: &str) -> Result<Kind, Failure> {
    let found = Kind::ALL.into_iter().find(|kind| name(*kind) == text);
    found.ok_or_else(|| {
        let text: String = text.chars().take(40).collect();
        let names = Kind::ALL.map(name).join(", ");
        Failure::field(format!("{field}.datatype"), Reason::Malformed, format!("is '{text}'; expected one of {names}"))
    })
}

/// Returns the type in a configuration.
pub(super) fn configured(kind: Kind) -> DataType {
    match kind {
        Kind::Bool => DataType::TypeBool,
        Kind::U8 => DataType::TypeUint8,
        Kind::U16 => DataType::TypeUint16,
        Kind::U32 => DataType::TypeUint32,
        Kind::U64 => DataType::TypeUint64,
        Kind::I8 => DataType::TypeInt8,
        Kind::I16 => DataType::TypeInt16,
        Kind::I32 => DataType::TypeInt32,
        Kind::I64 => DataType::TypeInt64,
        Kind::F16 => DataType::TypeFp16,
        Kind::Bf16 => DataType::TypeBf16,
        Kind::F32 => DataType::TypeFp32,
        Kind::F64 => DataType::TypeFp64,
        Kind::Text => DataType::TypeString,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_found_by_its_name() {
        for kind in Kind::ALL {
            assert_eq!(parse("inputs[0]", name(kind)).expect("known"), kind);
        }
        let refused = parse("inputs[0]", "FP8").expect_err("unknown").to_string();
        assert!(refused.starts_with("inputs[0].datatype is 'FP8'; expected one of BOOL, UINT8"), "{refused}");
    }
}

// @generated from proto/; do not edit.
impl serde::Serialize for Counts {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("marquee.monitor.v1.Counts", len)?;
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("ratings", ToString::to_string(&self.ratings).as_str())?;
        }
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("predicted", ToString::to_string(&self.predicted).as_str())?;
        }
        if true {
            struct_ser.serialize_field("unpredicted", &self.unpredicted)?;
        }
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("notCompared", ToString::to_string(&self.not_compared).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Counts {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "ratings",
            "predicted",
            "unpredicted",
            "not_compared",
            "notCompared",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Ratings,
            Predicted,
            Unpredicted,
            NotCompared,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "ratings" => Ok(GeneratedField::Ratings),
                            "predicted" => Ok(GeneratedField::Predicted),
                            "unpredicted" => Ok(GeneratedField::Unpredicted),
                            "notCompared" | "not_compared" => Ok(GeneratedField::NotCompared),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Counts;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.Counts")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Counts, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut ratings__ = None;
                let mut predicted__ = None;
                let mut unpredicted__ = None;
                let mut not_compared__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Ratings => {
                            if ratings__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ratings"));
                            }
                            ratings__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Predicted => {
                            if predicted__.is_some() {
                                return Err(serde::de::Error::duplicate_field("predicted"));
                            }
                            predicted__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Unpredicted => {
                            if unpredicted__.is_some() {
                                return Err(serde::de::Error::duplicate_field("unpredicted"));
                            }
                            unpredicted__ = Some(map_.next_value()?);
                        }
                        GeneratedField::NotCompared => {
                            if not_compared__.is_some() {
                                return Err(serde::de::Error::duplicate_field("notCompared"));
                            }
                            not_compared__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                    }
                }
                Ok(Counts {
                    ratings: ratings__.unwrap_or_default(),
                    predicted: predicted__.unwrap_or_default(),
                    unpredicted: unpredicted__.unwrap_or_default(),
                    not_compared: not_compared__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.Counts", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for Duel {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("marquee.monitor.v1.Duel", len)?;
        if true {
            struct_ser.serialize_field("model", &self.model)?;
        }
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("stable", ToString::to_string(&self.stable).as_str())?;
        }
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("other", ToString::to_string(&self.other).as_str())?;
        }
        if true {
            struct_ser.serialize_field("slices", &self.slices)?;
        }
        if let Some(v) = self.newest_rating_at.as_ref() {
            struct_ser.serialize_field("newestRatingAt", v)?;
        }
        if let Some(v) = self.window.as_ref() {
            struct_ser.serialize_field("window", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Duel {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "model",
            "stable",
            "other",
            "slices",
            "newest_rating_at",
            "newestRatingAt",
            "window",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Model,
            Stable,
            Other,
            Slices,
            NewestRatingAt,
            Window,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "model" => Ok(GeneratedField::Model),
                            "stable" => Ok(GeneratedField::Stable),
                            "other" => Ok(GeneratedField::Other),
                            "slices" => Ok(GeneratedField::Slices),
                            "newestRatingAt" | "newest_rating_at" => Ok(GeneratedField::NewestRatingAt),
                            "window" => Ok(GeneratedField::Window),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Duel;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.Duel")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Duel, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut model__ = None;
                let mut stable__ = None;
                let mut other__ = None;
                let mut slices__ = None;
                let mut newest_rating_at__ = None;
                let mut window__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Model => {
                            if model__.is_some() {
                                return Err(serde::de::Error::duplicate_field("model"));
                            }
                            model__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Stable => {
                            if stable__.is_some() {
                                return Err(serde::de::Error::duplicate_field("stable"));
                            }
                            stable__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Other => {
                            if other__.is_some() {
                                return Err(serde::de::Error::duplicate_field("other"));
                            }
                            other__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Slices => {
                            if slices__.is_some() {
                                return Err(serde::de::Error::duplicate_field("slices"));
                            }
                            slices__ = Some(map_.next_value()?);
                        }
                        GeneratedField::NewestRatingAt => {
                            if newest_rating_at__.is_some() {
                                return Err(serde::de::Error::duplicate_field("newestRatingAt"));
                            }
                            newest_rating_at__ = map_.next_value()?;
                        }
                        GeneratedField::Window => {
                            if window__.is_some() {
                                return Err(serde::de::Error::duplicate_field("window"));
                            }
                            window__ = map_.next_value()?;
                        }
                    }
                }
                Ok(Duel {
                    model: model__.unwrap_or_default(),
                    stable: stable__.unwrap_or_default(),
                    other: other__.unwrap_or_default(),
                    slices: slices__.unwrap_or_default(),
                    newest_rating_at: newest_rating_at__,
                    window: window__,
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.Duel", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for DuelSlice {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("marquee.monitor.v1.DuelSlice", len)?;
        if true {
            struct_ser.serialize_field("slice", &self.slice)?;
        }
        if let Some(v) = self.squared_error.as_ref() {
            struct_ser.serialize_field("squaredError", v)?;
        }
        if let Some(v) = self.absolute_error.as_ref() {
            struct_ser.serialize_field("absoluteError", v)?;
        }
        if let Some(v) = self.log_score.as_ref() {
            struct_ser.serialize_field("logScore", v)?;
        }
        if let Some(v) = self.stable.as_ref() {
            struct_ser.serialize_field("stable", v)?;
        }
        if let Some(v) = self.other.as_ref() {
            struct_ser.serialize_field("other", v)?;
        }
        if let Some(v) = self.rmse_difference.as_ref() {
            struct_ser.serialize_field("rmseDifference", v)?;
        }
        if let Some(v) = self.mae_difference.as_ref() {
            struct_ser.serialize_field("maeDifference", v)?;
        }
        if let Some(v) = self.log_score_difference.as_ref() {
            struct_ser.serialize_field("logScoreDifference", v)?;
        }
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("stableFailures", ToString::to_string(&self.stable_failures).as_str())?;
        }
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("otherFailures", ToString::to_string(&self.other_failures).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for DuelSlice {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "slice",
            "squared_error",
            "squaredError",
            "absolute_error",
            "absoluteError",
            "log_score",
            "logScore",
            "stable",
            "other",
            "rmse_difference",
            "rmseDifference",
            "mae_difference",
            "maeDifference",
            "log_score_difference",
            "logScoreDifference",
            "stable_failures",
            "stableFailures",
            "other_failures",
            "otherFailures",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Slice,
            SquaredError,
            AbsoluteError,
            LogScore,
            Stable,
            Other,
            RmseDifference,
            MaeDifference,
            LogScoreDifference,
            StableFailures,
            OtherFailures,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "slice" => Ok(GeneratedField::Slice),
                            "squaredError" | "squared_error" => Ok(GeneratedField::SquaredError),
                            "absoluteError" | "absolute_error" => Ok(GeneratedField::AbsoluteError),
                            "logScore" | "log_score" => Ok(GeneratedField::LogScore),
                            "stable" => Ok(GeneratedField::Stable),
                            "other" => Ok(GeneratedField::Other),
                            "rmseDifference" | "rmse_difference" => Ok(GeneratedField::RmseDifference),
                            "maeDifference" | "mae_difference" => Ok(GeneratedField::MaeDifference),
                            "logScoreDifference" | "log_score_difference" => Ok(GeneratedField::LogScoreDifference),
                            "stableFailures" | "stable_failures" => Ok(GeneratedField::StableFailures),
                            "otherFailures" | "other_failures" => Ok(GeneratedField::OtherFailures),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = DuelSlice;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.DuelSlice")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<DuelSlice, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut slice__ = None;
                let mut squared_error__ = None;
                let mut absolute_error__ = None;
                let mut log_score__ = None;
                let mut stable__ = None;
                let mut other__ = None;
                let mut rmse_difference__ = None;
                let mut mae_difference__ = None;
                let mut log_score_difference__ = None;
                let mut stable_failures__ = None;
                let mut other_failures__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Slice => {
                            if slice__.is_some() {
                                return Err(serde::de::Error::duplicate_field("slice"));
                            }
                            slice__ = Some(map_.next_value()?);
                        }
                        GeneratedField::SquaredError => {
                            if squared_error__.is_some() {
                                return Err(serde::de::Error::duplicate_field("squaredError"));
                            }
                            squared_error__ = map_.next_value()?;
                        }
                        GeneratedField::AbsoluteError => {
                            if absolute_error__.is_some() {
                                return Err(serde::de::Error::duplicate_field("absoluteError"));
                            }
                            absolute_error__ = map_.next_value()?;
                        }
                        GeneratedField::LogScore => {
                            if log_score__.is_some() {
                                return Err(serde::de::Error::duplicate_field("logScore"));
                            }
                            log_score__ = map_.next_value()?;
                        }
                        GeneratedField::Stable => {
                            if stable__.is_some() {
                                return Err(serde::de::Error::duplicate_field("stable"));
                            }
                            stable__ = map_.next_value()?;
                        }
                        GeneratedField::Other => {
                            if other__.is_some() {
                                return Err(serde::de::Error::duplicate_field("other"));
                            }
                            other__ = map_.next_value()?;
                        }
                        GeneratedField::RmseDifference => {
                            if rmse_difference__.is_some() {
                                return Err(serde::de::Error::duplicate_field("rmseDifference"));
                            }
                            rmse_difference__ = map_.next_value()?;
                        }
                        GeneratedField::MaeDifference => {
                            if mae_difference__.is_some() {
                                return Err(serde::de::Error::duplicate_field("maeDifference"));
                            }
                            mae_difference__ = map_.next_value()?;
                        }
                        GeneratedField::LogScoreDifference => {
                            if log_score_difference__.is_some() {
                                return Err(serde::de::Error::duplicate_field("logScoreDifference"));
                            }
                            log_score_difference__ = map_.next_value()?;
                        }
                        GeneratedField::StableFailures => {
                            if stable_failures__.is_some() {
                                return Err(serde::de::Error::duplicate_field("stableFailures"));
                            }
                            stable_failures__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::OtherFailures => {
                            if other_failures__.is_some() {
                                return Err(serde::de::Error::duplicate_field("otherFailures"));
                            }
                            other_failures__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                    }
                }
                Ok(DuelSlice {
                    slice: slice__.unwrap_or_default(),
                    squared_error: squared_error__,
                    absolute_error: absolute_error__,
                    log_score: log_score__,
                    stable: stable__,
                    other: other__,
                    rmse_difference: rmse_difference__,
                    mae_difference: mae_difference__,
                    log_score_difference: log_score_difference__,
                    stable_failures: stable_failures__.unwrap_or_default(),
                    other_failures: other_failures__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.DuelSlice", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for Errors {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("marquee.monitor.v1.Errors", len)?;
        if let Some(v) = self.squared_error.as_ref() {
            struct_ser.serialize_field("squaredError", v)?;
        }
        if let Some(v) = self.absolute_error.as_ref() {
            struct_ser.serialize_field("absoluteError", v)?;
        }
        if let Some(v) = self.log_score.as_ref() {
            struct_ser.serialize_field("logScore", v)?;
        }
        if let Some(v) = self.rmse.as_ref() {
            struct_ser.serialize_field("rmse", v)?;
        }
        if let Some(v) = self.mae.as_ref() {
            struct_ser.serialize_field("mae", v)?;
        }
        if let Some(v) = self.mean_log_score.as_ref() {
            struct_ser.serialize_field("meanLogScore", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Errors {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "squared_error",
            "squaredError",
            "absolute_error",
            "absoluteError",
            "log_score",
            "logScore",
            "rmse",
            "mae",
            "mean_log_score",
            "meanLogScore",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            SquaredError,
            AbsoluteError,
            LogScore,
            Rmse,
            Mae,
            MeanLogScore,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "squaredError" | "squared_error" => Ok(GeneratedField::SquaredError),
                            "absoluteError" | "absolute_error" => Ok(GeneratedField::AbsoluteError),
                            "logScore" | "log_score" => Ok(GeneratedField::LogScore),
                            "rmse" => Ok(GeneratedField::Rmse),
                            "mae" => Ok(GeneratedField::Mae),
                            "meanLogScore" | "mean_log_score" => Ok(GeneratedField::MeanLogScore),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Errors;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.Errors")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Errors, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut squared_error__ = None;
                let mut absolute_error__ = None;
                let mut log_score__ = None;
                let mut rmse__ = None;
                let mut mae__ = None;
                let mut mean_log_score__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::SquaredError => {
                            if squared_error__.is_some() {
                                return Err(serde::de::Error::duplicate_field("squaredError"));
                            }
                            squared_error__ = map_.next_value()?;
                        }
                        GeneratedField::AbsoluteError => {
                            if absolute_error__.is_some() {
                                return Err(serde::de::Error::duplicate_field("absoluteError"));
                            }
                            absolute_error__ = map_.next_value()?;
                        }
                        GeneratedField::LogScore => {
                            if log_score__.is_some() {
                                return Err(serde::de::Error::duplicate_field("logScore"));
                            }
                            log_score__ = map_.next_value()?;
                        }
                        GeneratedField::Rmse => {
                            if rmse__.is_some() {
                                return Err(serde::de::Error::duplicate_field("rmse"));
                            }
                            rmse__ = map_.next_value()?;
                        }
                        GeneratedField::Mae => {
                            if mae__.is_some() {
                                return Err(serde::de::Error::duplicate_field("mae"));
                            }
                            mae__ = map_.next_value()?;
                        }
                        GeneratedField::MeanLogScore => {
                            if mean_log_score__.is_some() {
                                return Err(serde::de::Error::duplicate_field("meanLogScore"));
                            }
                            mean_log_score__ = map_.next_value()?;
                        }
                    }
                }
                Ok(Errors {
                    squared_error: squared_error__,
                    absolute_error: absolute_error__,
                    log_score: log_score__,
                    rmse: rmse__,
                    mae: mae__,
                    mean_log_score: mean_log_score__,
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.Errors", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GetDuelRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("marquee.monitor.v1.GetDuelRequest", len)?;
        if true {
            struct_ser.serialize_field("model", &self.model)?;
        }
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("stable", ToString::to_string(&self.stable).as_str())?;
        }
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("other", ToString::to_string(&self.other).as_str())?;
        }
        if true {
            struct_ser.serialize_field("slices", &self.slices)?;
        }
        if let Some(v) = self.window.as_ref() {
            struct_ser.serialize_field("window", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GetDuelRequest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "model",
            "stable",
            "other",
            "slices",
            "window",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Model,
            Stable,
            Other,
            Slices,
            Window,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "model" => Ok(GeneratedField::Model),
                            "stable" => Ok(GeneratedField::Stable),
                            "other" => Ok(GeneratedField::Other),
                            "slices" => Ok(GeneratedField::Slices),
                            "window" => Ok(GeneratedField::Window),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GetDuelRequest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.GetDuelRequest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GetDuelRequest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut model__ = None;
                let mut stable__ = None;
                let mut other__ = None;
                let mut slices__ = None;
                let mut window__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Model => {
                            if model__.is_some() {
                                return Err(serde::de::Error::duplicate_field("model"));
                            }
                            model__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Stable => {
                            if stable__.is_some() {
                                return Err(serde::de::Error::duplicate_field("stable"));
                            }
                            stable__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Other => {
                            if other__.is_some() {
                                return Err(serde::de::Error::duplicate_field("other"));
                            }
                            other__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Slices => {
                            if slices__.is_some() {
                                return Err(serde::de::Error::duplicate_field("slices"));
                            }
                            slices__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Window => {
                            if window__.is_some() {
                                return Err(serde::de::Error::duplicate_field("window"));
                            }
                            window__ = map_.next_value()?;
                        }
                    }
                }
                Ok(GetDuelRequest {
                    model: model__.unwrap_or_default(),
                    stable: stable__.unwrap_or_default(),
                    other: other__.unwrap_or_default(),
                    slices: slices__.unwrap_or_default(),
                    window: window__,
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.GetDuelRequest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GetDuelResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("marquee.monitor.v1.GetDuelResponse", len)?;
        if let Some(v) = self.duel.as_ref() {
            struct_ser.serialize_field("duel", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GetDuelResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "duel",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Duel,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "duel" => Ok(GeneratedField::Duel),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GetDuelResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.GetDuelResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GetDuelResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut duel__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Duel => {
                            if duel__.is_some() {
                                return Err(serde::de::Error::duplicate_field("duel"));
                            }
                            duel__ = map_.next_value()?;
                        }
                    }
                }
                Ok(GetDuelResponse {
                    duel: duel__,
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.GetDuelResponse", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GetLiveQualityRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("marquee.monitor.v1.GetLiveQualityRequest", len)?;
        if true {
            struct_ser.serialize_field("model", &self.model)?;
        }
        if let Some(v) = self.window.as_ref() {
            struct_ser.serialize_field("window", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GetLiveQualityRequest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "model",
            "window",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Model,
            Window,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "model" => Ok(GeneratedField::Model),
                            "window" => Ok(GeneratedField::Window),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GetLiveQualityRequest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.GetLiveQualityRequest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GetLiveQualityRequest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut model__ = None;
                let mut window__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Model => {
                            if model__.is_some() {
                                return Err(serde::de::Error::duplicate_field("model"));
                            }
                            model__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Window => {
                            if window__.is_some() {
                                return Err(serde::de::Error::duplicate_field("window"));
                            }
                            window__ = map_.next_value()?;
                        }
                    }
                }
                Ok(GetLiveQualityRequest {
                    model: model__.unwrap_or_default(),
                    window: window__,
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.GetLiveQualityRequest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GetLiveQualityResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("marquee.monitor.v1.GetLiveQualityResponse", len)?;
        if true {
            struct_ser.serialize_field("versions", &self.versions)?;
        }
        if let Some(v) = self.join.as_ref() {
            struct_ser.serialize_field("join", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GetLiveQualityResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "versions",
            "join",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Versions,
            Join,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "versions" => Ok(GeneratedField::Versions),
                            "join" => Ok(GeneratedField::Join),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GetLiveQualityResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.GetLiveQualityResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GetLiveQualityResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut versions__ = None;
                let mut join__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Versions => {
                            if versions__.is_some() {
                                return Err(serde::de::Error::duplicate_field("versions"));
                            }
                            versions__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Join => {
                            if join__.is_some() {
                                return Err(serde::de::Error::duplicate_field("join"));
                            }
                            join__ = map_.next_value()?;
                        }
                    }
                }
                Ok(GetLiveQualityResponse {
                    versions: versions__.unwrap_or_default(),
                    join: join__,
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.GetLiveQualityResponse", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GetStatusRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let len = 0;
        let struct_ser = serializer.serialize_struct("marquee.monitor.v1.GetStatusRequest", len)?;
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GetStatusRequest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                            Err(serde::de::Error::unknown_field(value, FIELDS))
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GetStatusRequest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.GetStatusRequest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GetStatusRequest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                while map_.next_key::<GeneratedField>()?.is_some() {
                    let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                }
                Ok(GetStatusRequest {
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.GetStatusRequest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GetStatusResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("marquee.monitor.v1.GetStatusResponse", len)?;
        if true {
            struct_ser.serialize_field("partitions", &self.partitions)?;
        }
        if true {
            struct_ser.serialize_field("models", &self.models)?;
        }
        if let Some(v) = self.counts.as_ref() {
            struct_ser.serialize_field("counts", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GetStatusResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "partitions",
            "models",
            "counts",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Partitions,
            Models,
            Counts,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "partitions" => Ok(GeneratedField::Partitions),
                            "models" => Ok(GeneratedField::Models),
                            "counts" => Ok(GeneratedField::Counts),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GetStatusResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.GetStatusResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GetStatusResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut partitions__ = None;
                let mut models__ = None;
                let mut counts__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Partitions => {
                            if partitions__.is_some() {
                                return Err(serde::de::Error::duplicate_field("partitions"));
                            }
                            partitions__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Models => {
                            if models__.is_some() {
                                return Err(serde::de::Error::duplicate_field("models"));
                            }
                            models__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Counts => {
                            if counts__.is_some() {
                                return Err(serde::de::Error::duplicate_field("counts"));
                            }
                            counts__ = map_.next_value()?;
                        }
                    }
                }
                Ok(GetStatusResponse {
                    partitions: partitions__.unwrap_or_default(),
                    models: models__.unwrap_or_default(),
                    counts: counts__,
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.GetStatusResponse", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for Interval {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("marquee.monitor.v1.Interval", len)?;
        if true {
            struct_ser.serialize_field("value", &self.value)?;
        }
        if true {
            struct_ser.serialize_field("lower", &self.lower)?;
        }
        if true {
            struct_ser.serialize_field("upper", &self.upper)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Interval {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "value",
            "lower",
            "upper",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Value,
            Lower,
            Upper,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "value" => Ok(GeneratedField::Value),
                            "lower" => Ok(GeneratedField::Lower),
                            "upper" => Ok(GeneratedField::Upper),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Interval;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.Interval")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Interval, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut value__ = None;
                let mut lower__ = None;
                let mut upper__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Value => {
                            if value__.is_some() {
                                return Err(serde::de::Error::duplicate_field("value"));
                            }
                            value__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Lower => {
                            if lower__.is_some() {
                                return Err(serde::de::Error::duplicate_field("lower"));
                            }
                            lower__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Upper => {
                            if upper__.is_some() {
                                return Err(serde::de::Error::duplicate_field("upper"));
                            }
                            upper__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                    }
                }
                Ok(Interval {
                    value: value__.unwrap_or_default(),
                    lower: lower__.unwrap_or_default(),
                    upper: upper__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.Interval", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for Join {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("marquee.monitor.v1.Join", len)?;
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("ratings", ToString::to_string(&self.ratings).as_str())?;
        }
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("joined", ToString::to_string(&self.joined).as_str())?;
        }
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("late", ToString::to_string(&self.late).as_str())?;
        }
        if true {
            struct_ser.serialize_field("rate", &self.rate)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Join {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "ratings",
            "joined",
            "late",
            "rate",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Ratings,
            Joined,
            Late,
            Rate,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "ratings" => Ok(GeneratedField::Ratings),
                            "joined" => Ok(GeneratedField::Joined),
                            "late" => Ok(GeneratedField::Late),
                            "rate" => Ok(GeneratedField::Rate),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Join;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.Join")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Join, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut ratings__ = None;
                let mut joined__ = None;
                let mut late__ = None;
                let mut rate__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Ratings => {
                            if ratings__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ratings"));
                            }
                            ratings__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Joined => {
                            if joined__.is_some() {
                                return Err(serde::de::Error::duplicate_field("joined"));
                            }
                            joined__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Late => {
                            if late__.is_some() {
                                return Err(serde::de::Error::duplicate_field("late"));
                            }
                            late__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Rate => {
                            if rate__.is_some() {
                                return Err(serde::de::Error::duplicate_field("rate"));
                            }
                            rate__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                    }
                }
                Ok(Join {
                    ratings: ratings__.unwrap_or_default(),
                    joined: joined__.unwrap_or_default(),
                    late: late__.unwrap_or_default(),
                    rate: rate__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.Join", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for ListDuelsRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("marquee.monitor.v1.ListDuelsRequest", len)?;
        if true {
            struct_ser.serialize_field("model", &self.model)?;
        }
        if let Some(v) = self.window.as_ref() {
            struct_ser.serialize_field("window", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for ListDuelsRequest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "model",
            "window",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Model,
            Window,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "model" => Ok(GeneratedField::Model),
                            "window" => Ok(GeneratedField::Window),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = ListDuelsRequest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.ListDuelsRequest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<ListDuelsRequest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut model__ = None;
                let mut window__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Model => {
                            if model__.is_some() {
                                return Err(serde::de::Error::duplicate_field("model"));
                            }
                            model__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Window => {
                            if window__.is_some() {
                                return Err(serde::de::Error::duplicate_field("window"));
                            }
                            window__ = map_.next_value()?;
                        }
                    }
                }
                Ok(ListDuelsRequest {
                    model: model__.unwrap_or_default(),
                    window: window__,
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.ListDuelsRequest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for ListDuelsResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("marquee.monitor.v1.ListDuelsResponse", len)?;
        if true {
            struct_ser.serialize_field("versions", &self.versions)?;
        }
        if true {
            struct_ser.serialize_field("duels", &self.duels)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for ListDuelsResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "versions",
            "duels",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Versions,
            Duels,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "versions" => Ok(GeneratedField::Versions),
                            "duels" => Ok(GeneratedField::Duels),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = ListDuelsResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.ListDuelsResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<ListDuelsResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut versions__ = None;
                let mut duels__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Versions => {
                            if versions__.is_some() {
                                return Err(serde::de::Error::duplicate_field("versions"));
                            }
                            versions__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Duels => {
                            if duels__.is_some() {
                                return Err(serde::de::Error::duplicate_field("duels"));
                            }
                            duels__ = Some(map_.next_value()?);
                        }
                    }
                }
                Ok(ListDuelsResponse {
                    versions: versions__.unwrap_or_default(),
                    duels: duels__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.ListDuelsResponse", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for LiveQuality {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("marquee.monitor.v1.LiveQuality", len)?;
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("version", ToString::to_string(&self.version).as_str())?;
        }
        if true {
            struct_ser.serialize_field("variant", &self.variant)?;
        }
        if true {
            let v = super::super::prediction::v1::ServedBy::try_from(self.served_by)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.served_by)))?;
            struct_ser.serialize_field("servedBy", &v)?;
        }
        if let Some(v) = self.errors.as_ref() {
            struct_ser.serialize_field("errors", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for LiveQuality {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "version",
            "variant",
            "served_by",
            "servedBy",
            "errors",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Version,
            Variant,
            ServedBy,
            Errors,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "version" => Ok(GeneratedField::Version),
                            "variant" => Ok(GeneratedField::Variant),
                            "servedBy" | "served_by" => Ok(GeneratedField::ServedBy),
                            "errors" => Ok(GeneratedField::Errors),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = LiveQuality;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.LiveQuality")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<LiveQuality, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut version__ = None;
                let mut variant__ = None;
                let mut served_by__ = None;
                let mut errors__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Version => {
                            if version__.is_some() {
                                return Err(serde::de::Error::duplicate_field("version"));
                            }
                            version__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Variant => {
                            if variant__.is_some() {
                                return Err(serde::de::Error::duplicate_field("variant"));
                            }
                            variant__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ServedBy => {
                            if served_by__.is_some() {
                                return Err(serde::de::Error::duplicate_field("servedBy"));
                            }
                            served_by__ = Some(map_.next_value::<super::super::prediction::v1::ServedBy>()? as i32);
                        }
                        GeneratedField::Errors => {
                            if errors__.is_some() {
                                return Err(serde::de::Error::duplicate_field("errors"));
                            }
                            errors__ = map_.next_value()?;
                        }
                    }
                }
                Ok(LiveQuality {
                    version: version__.unwrap_or_default(),
                    variant: variant__.unwrap_or_default(),
                    served_by: served_by__.unwrap_or_default(),
                    errors: errors__,
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.LiveQuality", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for ModelStatus {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("marquee.monitor.v1.ModelStatus", len)?;
        if true {
            struct_ser.serialize_field("model", &self.model)?;
        }
        if true {
            struct_ser.serialize_field("versions", &self.versions.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for ModelStatus {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "model",
            "versions",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Model,
            Versions,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "model" => Ok(GeneratedField::Model),
                            "versions" => Ok(GeneratedField::Versions),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = ModelStatus;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.ModelStatus")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<ModelStatus, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut model__ = None;
                let mut versions__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Model => {
                            if model__.is_some() {
                                return Err(serde::de::Error::duplicate_field("model"));
                            }
                            model__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Versions => {
                            if versions__.is_some() {
                                return Err(serde::de::Error::duplicate_field("versions"));
                            }
                            versions__ = 
                                Some(map_.next_value::<Vec<::pbjson::private::NumberDeserialize<_>>>()?
                                    .into_iter().map(|x| x.0).collect())
                            ;
                        }
                    }
                }
                Ok(ModelStatus {
                    model: model__.unwrap_or_default(),
                    versions: versions__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.ModelStatus", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for PartitionStatus {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("marquee.monitor.v1.PartitionStatus", len)?;
        if true {
            struct_ser.serialize_field("partition", &self.partition)?;
        }
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("nextOffset", ToString::to_string(&self.next_offset).as_str())?;
        }
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("endOffset", ToString::to_string(&self.end_offset).as_str())?;
        }
        if let Some(v) = self.duel_from.as_ref() {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("duelFrom", ToString::to_string(&v).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for PartitionStatus {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "partition",
            "next_offset",
            "nextOffset",
            "end_offset",
            "endOffset",
            "duel_from",
            "duelFrom",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Partition,
            NextOffset,
            EndOffset,
            DuelFrom,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "partition" => Ok(GeneratedField::Partition),
                            "nextOffset" | "next_offset" => Ok(GeneratedField::NextOffset),
                            "endOffset" | "end_offset" => Ok(GeneratedField::EndOffset),
                            "duelFrom" | "duel_from" => Ok(GeneratedField::DuelFrom),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = PartitionStatus;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.PartitionStatus")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<PartitionStatus, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut partition__ = None;
                let mut next_offset__ = None;
                let mut end_offset__ = None;
                let mut duel_from__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Partition => {
                            if partition__.is_some() {
                                return Err(serde::de::Error::duplicate_field("partition"));
                            }
                            partition__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::NextOffset => {
                            if next_offset__.is_some() {
                                return Err(serde::de::Error::duplicate_field("nextOffset"));
                            }
                            next_offset__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::EndOffset => {
                            if end_offset__.is_some() {
                                return Err(serde::de::Error::duplicate_field("endOffset"));
                            }
                            end_offset__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::DuelFrom => {
                            if duel_from__.is_some() {
                                return Err(serde::de::Error::duplicate_field("duelFrom"));
                            }
                            duel_from__ = 
                                map_.next_value::<::std::option::Option<::pbjson::private::NumberDeserialize<_>>>()?.map(|x| x.0)
                            ;
                        }
                    }
                }
                Ok(PartitionStatus {
                    partition: partition__.unwrap_or_default(),
                    next_offset: next_offset__.unwrap_or_default(),
                    end_offset: end_offset__.unwrap_or_default(),
                    duel_from: duel_from__,
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.PartitionStatus", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for Sums {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("marquee.monitor.v1.Sums", len)?;
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("count", ToString::to_string(&self.count).as_str())?;
        }
        if true {
            struct_ser.serialize_field("sum", &self.sum)?;
        }
        if true {
            struct_ser.serialize_field("sumOfSquares", &self.sum_of_squares)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Sums {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "count",
            "sum",
            "sum_of_squares",
            "sumOfSquares",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Count,
            Sum,
            SumOfSquares,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "count" => Ok(GeneratedField::Count),
                            "sum" => Ok(GeneratedField::Sum),
                            "sumOfSquares" | "sum_of_squares" => Ok(GeneratedField::SumOfSquares),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Sums;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.Sums")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Sums, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut count__ = None;
                let mut sum__ = None;
                let mut sum_of_squares__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Count => {
                            if count__.is_some() {
                                return Err(serde::de::Error::duplicate_field("count"));
                            }
                            count__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Sum => {
                            if sum__.is_some() {
                                return Err(serde::de::Error::duplicate_field("sum"));
                            }
                            sum__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::SumOfSquares => {
                            if sum_of_squares__.is_some() {
                                return Err(serde::de::Error::duplicate_field("sumOfSquares"));
                            }
                            sum_of_squares__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                    }
                }
                Ok(Sums {
                    count: count__.unwrap_or_default(),
                    sum: sum__.unwrap_or_default(),
                    sum_of_squares: sum_of_squares__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.Sums", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for Unpredicted {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("marquee.monitor.v1.Unpredicted", len)?;
        if true {
            struct_ser.serialize_field("reason", &self.reason)?;
        }
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("ratings", ToString::to_string(&self.ratings).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Unpredicted {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "reason",
            "ratings",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Reason,
            Ratings,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "reason" => Ok(GeneratedField::Reason),
                            "ratings" => Ok(GeneratedField::Ratings),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Unpredicted;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.Unpredicted")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Unpredicted, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut reason__ = None;
                let mut ratings__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Reason => {
                            if reason__.is_some() {
                                return Err(serde::de::Error::duplicate_field("reason"));
                            }
                            reason__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Ratings => {
                            if ratings__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ratings"));
                            }
                            ratings__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                    }
                }
                Ok(Unpredicted {
                    reason: reason__.unwrap_or_default(),
                    ratings: ratings__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.Unpredicted", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for VersionErrors {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("marquee.monitor.v1.VersionErrors", len)?;
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("version", ToString::to_string(&self.version).as_str())?;
        }
        if let Some(v) = self.errors.as_ref() {
            struct_ser.serialize_field("errors", v)?;
        }
        if true {
            struct_ser.serialize_field("current", &self.current)?;
        }
        if let Some(v) = self.newest_rating_at.as_ref() {
            struct_ser.serialize_field("newestRatingAt", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for VersionErrors {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "version",
            "errors",
            "current",
            "newest_rating_at",
            "newestRatingAt",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Version,
            Errors,
            Current,
            NewestRatingAt,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "version" => Ok(GeneratedField::Version),
                            "errors" => Ok(GeneratedField::Errors),
                            "current" => Ok(GeneratedField::Current),
                            "newestRatingAt" | "newest_rating_at" => Ok(GeneratedField::NewestRatingAt),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = VersionErrors;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.VersionErrors")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<VersionErrors, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut version__ = None;
                let mut errors__ = None;
                let mut current__ = None;
                let mut newest_rating_at__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Version => {
                            if version__.is_some() {
                                return Err(serde::de::Error::duplicate_field("version"));
                            }
                            version__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Errors => {
                            if errors__.is_some() {
                                return Err(serde::de::Error::duplicate_field("errors"));
                            }
                            errors__ = map_.next_value()?;
                        }
                        GeneratedField::Current => {
                            if current__.is_some() {
                                return Err(serde::de::Error::duplicate_field("current"));
                            }
                            current__ = Some(map_.next_value()?);
                        }
                        GeneratedField::NewestRatingAt => {
                            if newest_rating_at__.is_some() {
                                return Err(serde::de::Error::duplicate_field("newestRatingAt"));
                            }
                            newest_rating_at__ = map_.next_value()?;
                        }
                    }
                }
                Ok(VersionErrors {
                    version: version__.unwrap_or_default(),
                    errors: errors__,
                    current: current__.unwrap_or_default(),
                    newest_rating_at: newest_rating_at__,
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.VersionErrors", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for WatchDuelRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("marquee.monitor.v1.WatchDuelRequest", len)?;
        if true {
            struct_ser.serialize_field("model", &self.model)?;
        }
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("stable", ToString::to_string(&self.stable).as_str())?;
        }
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("other", ToString::to_string(&self.other).as_str())?;
        }
        if true {
            struct_ser.serialize_field("slices", &self.slices)?;
        }
        if let Some(v) = self.window.as_ref() {
            struct_ser.serialize_field("window", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for WatchDuelRequest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "model",
            "stable",
            "other",
            "slices",
            "window",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Model,
            Stable,
            Other,
            Slices,
            Window,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "model" => Ok(GeneratedField::Model),
                            "stable" => Ok(GeneratedField::Stable),
                            "other" => Ok(GeneratedField::Other),
                            "slices" => Ok(GeneratedField::Slices),
                            "window" => Ok(GeneratedField::Window),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = WatchDuelRequest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.WatchDuelRequest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<WatchDuelRequest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut model__ = None;
                let mut stable__ = None;
                let mut other__ = None;
                let mut slices__ = None;
                let mut window__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Model => {
                            if model__.is_some() {
                                return Err(serde::de::Error::duplicate_field("model"));
                            }
                            model__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Stable => {
                            if stable__.is_some() {
                                return Err(serde::de::Error::duplicate_field("stable"));
                            }
                            stable__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Other => {
                            if other__.is_some() {
                                return Err(serde::de::Error::duplicate_field("other"));
                            }
                            other__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Slices => {
                            if slices__.is_some() {
                                return Err(serde::de::Error::duplicate_field("slices"));
                            }
                            slices__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Window => {
                            if window__.is_some() {
                                return Err(serde::de::Error::duplicate_field("window"));
                            }
                            window__ = map_.next_value()?;
                        }
                    }
                }
                Ok(WatchDuelRequest {
                    model: model__.unwrap_or_default(),
                    stable: stable__.unwrap_or_default(),
                    other: other__.unwrap_or_default(),
                    slices: slices__.unwrap_or_default(),
                    window: window__,
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.WatchDuelRequest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for WatchDuelResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("marquee.monitor.v1.WatchDuelResponse", len)?;
        if let Some(v) = self.duel.as_ref() {
            struct_ser.serialize_field("duel", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for WatchDuelResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "duel",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Duel,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "duel" => Ok(GeneratedField::Duel),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = WatchDuelResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.monitor.v1.WatchDuelResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<WatchDuelResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut duel__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Duel => {
                            if duel__.is_some() {
                                return Err(serde::de::Error::duplicate_field("duel"));
                            }
                            duel__ = map_.next_value()?;
                        }
                    }
                }
                Ok(WatchDuelResponse {
                    duel: duel__,
                })
            }
        }
        deserializer.deserialize_struct("marquee.monitor.v1.WatchDuelResponse", FIELDS, GeneratedVisitor)
    }
}

// @generated from proto/; do not edit.
impl serde::Serialize for Algorithm {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "ALGORITHM_UNSPECIFIED",
            Self::Bias => "ALGORITHM_BIAS",
            Self::Map => "ALGORITHM_MAP",
            Self::Bayes => "ALGORITHM_BAYES",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for Algorithm {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "ALGORITHM_UNSPECIFIED",
            "ALGORITHM_BIAS",
            "ALGORITHM_MAP",
            "ALGORITHM_BAYES",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = Algorithm;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "ALGORITHM_UNSPECIFIED" => Ok(Algorithm::Unspecified),
                    "ALGORITHM_BIAS" => Ok(Algorithm::Bias),
                    "ALGORITHM_MAP" => Ok(Algorithm::Map),
                    "ALGORITHM_BAYES" => Ok(Algorithm::Bayes),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for CancelTrainingRequest {
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
        let mut struct_ser = serializer.serialize_struct("marquee.training.v1.CancelTrainingRequest", len)?;
        if true {
            struct_ser.serialize_field("trainingId", &self.training_id)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for CancelTrainingRequest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "training_id",
            "trainingId",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            TrainingId,
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
                            "trainingId" | "training_id" => Ok(GeneratedField::TrainingId),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = CancelTrainingRequest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.training.v1.CancelTrainingRequest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<CancelTrainingRequest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut training_id__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::TrainingId => {
                            if training_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("trainingId"));
                            }
                            training_id__ = Some(map_.next_value()?);
                        }
                    }
                }
                Ok(CancelTrainingRequest {
                    training_id: training_id__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("marquee.training.v1.CancelTrainingRequest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for CancelTrainingResponse {
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
        let mut struct_ser = serializer.serialize_struct("marquee.training.v1.CancelTrainingResponse", len)?;
        if let Some(v) = self.training.as_ref() {
            struct_ser.serialize_field("training", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for CancelTrainingResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "training",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Training,
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
                            "training" => Ok(GeneratedField::Training),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = CancelTrainingResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.training.v1.CancelTrainingResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<CancelTrainingResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut training__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Training => {
                            if training__.is_some() {
                                return Err(serde::de::Error::duplicate_field("training"));
                            }
                            training__ = map_.next_value()?;
                        }
                    }
                }
                Ok(CancelTrainingResponse {
                    training: training__,
                })
            }
        }
        deserializer.deserialize_struct("marquee.training.v1.CancelTrainingResponse", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for ListTrainingsRequest {
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
        let mut struct_ser = serializer.serialize_struct("marquee.training.v1.ListTrainingsRequest", len)?;
        if true {
            struct_ser.serialize_field("pageSize", &self.page_size)?;
        }
        if true {
            struct_ser.serialize_field("pageToken", &self.page_token)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for ListTrainingsRequest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "page_size",
            "pageSize",
            "page_token",
            "pageToken",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            PageSize,
            PageToken,
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
                            "pageSize" | "page_size" => Ok(GeneratedField::PageSize),
                            "pageToken" | "page_token" => Ok(GeneratedField::PageToken),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = ListTrainingsRequest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.training.v1.ListTrainingsRequest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<ListTrainingsRequest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut page_size__ = None;
                let mut page_token__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::PageSize => {
                            if page_size__.is_some() {
                                return Err(serde::de::Error::duplicate_field("pageSize"));
                            }
                            page_size__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::PageToken => {
                            if page_token__.is_some() {
                                return Err(serde::de::Error::duplicate_field("pageToken"));
                            }
                            page_token__ = Some(map_.next_value()?);
                        }
                    }
                }
                Ok(ListTrainingsRequest {
                    page_size: page_size__.unwrap_or_default(),
                    page_token: page_token__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("marquee.training.v1.ListTrainingsRequest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for ListTrainingsResponse {
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
        let mut struct_ser = serializer.serialize_struct("marquee.training.v1.ListTrainingsResponse", len)?;
        if true {
            struct_ser.serialize_field("trainings", &self.trainings)?;
        }
        if true {
            struct_ser.serialize_field("nextPageToken", &self.next_page_token)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for ListTrainingsResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "trainings",
            "next_page_token",
            "nextPageToken",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Trainings,
            NextPageToken,
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
                            "trainings" => Ok(GeneratedField::Trainings),
                            "nextPageToken" | "next_page_token" => Ok(GeneratedField::NextPageToken),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = ListTrainingsResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.training.v1.ListTrainingsResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<ListTrainingsResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut trainings__ = None;
                let mut next_page_token__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Trainings => {
                            if trainings__.is_some() {
                                return Err(serde::de::Error::duplicate_field("trainings"));
                            }
                            trainings__ = Some(map_.next_value()?);
                        }
                        GeneratedField::NextPageToken => {
                            if next_page_token__.is_some() {
                                return Err(serde::de::Error::duplicate_field("nextPageToken"));
                            }
                            next_page_token__ = Some(map_.next_value()?);
                        }
                    }
                }
                Ok(ListTrainingsResponse {
                    trainings: trainings__.unwrap_or_default(),
                    next_page_token: next_page_token__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("marquee.training.v1.ListTrainingsResponse", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for Metrics {
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
        let mut struct_ser = serializer.serialize_struct("marquee.training.v1.Metrics", len)?;
        if true {
            struct_ser.serialize_field("rmse", &self.rmse)?;
        }
        if true {
            struct_ser.serialize_field("mae", &self.mae)?;
        }
        if true {
            struct_ser.serialize_field("frozenRmse", &self.frozen_rmse)?;
        }
        if true {
            struct_ser.serialize_field("biasRmse", &self.bias_rmse)?;
        }
        if true {
            struct_ser.serialize_field("coverage90", &self.coverage_90)?;
        }
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("holdoutRatings", ToString::to_string(&self.holdout_ratings).as_str())?;
        }
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("trainingRatings", ToString::to_string(&self.training_ratings).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Metrics {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "rmse",
            "mae",
            "frozen_rmse",
            "frozenRmse",
            "bias_rmse",
            "biasRmse",
            "coverage_90",
            "coverage90",
            "holdout_ratings",
            "holdoutRatings",
            "training_ratings",
            "trainingRatings",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Rmse,
            Mae,
            FrozenRmse,
            BiasRmse,
            Coverage90,
            HoldoutRatings,
            TrainingRatings,
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
                            "rmse" => Ok(GeneratedField::Rmse),
                            "mae" => Ok(GeneratedField::Mae),
                            "frozenRmse" | "frozen_rmse" => Ok(GeneratedField::FrozenRmse),
                            "biasRmse" | "bias_rmse" => Ok(GeneratedField::BiasRmse),
                            "coverage90" | "coverage_90" => Ok(GeneratedField::Coverage90),
                            "holdoutRatings" | "holdout_ratings" => Ok(GeneratedField::HoldoutRatings),
                            "trainingRatings" | "training_ratings" => Ok(GeneratedField::TrainingRatings),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Metrics;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.training.v1.Metrics")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Metrics, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut rmse__ = None;
                let mut mae__ = None;
                let mut frozen_rmse__ = None;
                let mut bias_rmse__ = None;
                let mut coverage_90__ = None;
                let mut holdout_ratings__ = None;
                let mut training_ratings__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Rmse => {
                            if rmse__.is_some() {
                                return Err(serde::de::Error::duplicate_field("rmse"));
                            }
                            rmse__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Mae => {
                            if mae__.is_some() {
                                return Err(serde::de::Error::duplicate_field("mae"));
                            }
                            mae__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::FrozenRmse => {
                            if frozen_rmse__.is_some() {
                                return Err(serde::de::Error::duplicate_field("frozenRmse"));
                            }
                            frozen_rmse__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::BiasRmse => {
                            if bias_rmse__.is_some() {
                                return Err(serde::de::Error::duplicate_field("biasRmse"));
                            }
                            bias_rmse__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Coverage90 => {
                            if coverage_90__.is_some() {
                                return Err(serde::de::Error::duplicate_field("coverage90"));
                            }
                            coverage_90__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::HoldoutRatings => {
                            if holdout_ratings__.is_some() {
                                return Err(serde::de::Error::duplicate_field("holdoutRatings"));
                            }
                            holdout_ratings__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::TrainingRatings => {
                            if training_ratings__.is_some() {
                                return Err(serde::de::Error::duplicate_field("trainingRatings"));
                            }
                            training_ratings__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                    }
                }
                Ok(Metrics {
                    rmse: rmse__.unwrap_or_default(),
                    mae: mae__.unwrap_or_default(),
                    frozen_rmse: frozen_rmse__.unwrap_or_default(),
                    bias_rmse: bias_rmse__.unwrap_or_default(),
                    coverage_90: coverage_90__.unwrap_or_default(),
                    holdout_ratings: holdout_ratings__.unwrap_or_default(),
                    training_ratings: training_ratings__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("marquee.training.v1.Metrics", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for Parameters {
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
        let mut struct_ser = serializer.serialize_struct("marquee.training.v1.Parameters", len)?;
        if true {
            struct_ser.serialize_field("factors", &self.factors)?;
        }
        if true {
            struct_ser.serialize_field("sweeps", &self.sweeps)?;
        }
        if true {
            struct_ser.serialize_field("burnIn", &self.burn_in)?;
        }
        if true {
            struct_ser.serialize_field("samples", &self.samples)?;
        }
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("seed", ToString::to_string(&self.seed).as_str())?;
        }
        if true {
            struct_ser.serialize_field("holdout", &self.holdout)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Parameters {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "factors",
            "sweeps",
            "burn_in",
            "burnIn",
            "samples",
            "seed",
            "holdout",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Factors,
            Sweeps,
            BurnIn,
            Samples,
            Seed,
            Holdout,
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
                            "factors" => Ok(GeneratedField::Factors),
                            "sweeps" => Ok(GeneratedField::Sweeps),
                            "burnIn" | "burn_in" => Ok(GeneratedField::BurnIn),
                            "samples" => Ok(GeneratedField::Samples),
                            "seed" => Ok(GeneratedField::Seed),
                            "holdout" => Ok(GeneratedField::Holdout),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Parameters;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.training.v1.Parameters")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Parameters, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut factors__ = None;
                let mut sweeps__ = None;
                let mut burn_in__ = None;
                let mut samples__ = None;
                let mut seed__ = None;
                let mut holdout__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Factors => {
                            if factors__.is_some() {
                                return Err(serde::de::Error::duplicate_field("factors"));
                            }
                            factors__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Sweeps => {
                            if sweeps__.is_some() {
                                return Err(serde::de::Error::duplicate_field("sweeps"));
                            }
                            sweeps__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::BurnIn => {
                            if burn_in__.is_some() {
                                return Err(serde::de::Error::duplicate_field("burnIn"));
                            }
                            burn_in__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Samples => {
                            if samples__.is_some() {
                                return Err(serde::de::Error::duplicate_field("samples"));
                            }
                            samples__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Seed => {
                            if seed__.is_some() {
                                return Err(serde::de::Error::duplicate_field("seed"));
                            }
                            seed__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Holdout => {
                            if holdout__.is_some() {
                                return Err(serde::de::Error::duplicate_field("holdout"));
                            }
                            holdout__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                    }
                }
                Ok(Parameters {
                    factors: factors__.unwrap_or_default(),
                    sweeps: sweeps__.unwrap_or_default(),
                    burn_in: burn_in__.unwrap_or_default(),
                    samples: samples__.unwrap_or_default(),
                    seed: seed__.unwrap_or_default(),
                    holdout: holdout__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("marquee.training.v1.Parameters", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for Stage {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "STAGE_UNSPECIFIED",
            Self::Snapshot => "STAGE_SNAPSHOT",
            Self::Evaluate => "STAGE_EVALUATE",
            Self::Fit => "STAGE_FIT",
            Self::Export => "STAGE_EXPORT",
            Self::Validate => "STAGE_VALIDATE",
            Self::Publish => "STAGE_PUBLISH",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for Stage {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "STAGE_UNSPECIFIED",
            "STAGE_SNAPSHOT",
            "STAGE_EVALUATE",
            "STAGE_FIT",
            "STAGE_EXPORT",
            "STAGE_VALIDATE",
            "STAGE_PUBLISH",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = Stage;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "STAGE_UNSPECIFIED" => Ok(Stage::Unspecified),
                    "STAGE_SNAPSHOT" => Ok(Stage::Snapshot),
                    "STAGE_EVALUATE" => Ok(Stage::Evaluate),
                    "STAGE_FIT" => Ok(Stage::Fit),
                    "STAGE_EXPORT" => Ok(Stage::Export),
                    "STAGE_VALIDATE" => Ok(Stage::Validate),
                    "STAGE_PUBLISH" => Ok(Stage::Publish),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for StartTrainingRequest {
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
        let mut struct_ser = serializer.serialize_struct("marquee.training.v1.StartTrainingRequest", len)?;
        if true {
            struct_ser.serialize_field("model", &self.model)?;
        }
        if true {
            let v = Algorithm::try_from(self.algorithm)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.algorithm)))?;
            struct_ser.serialize_field("algorithm", &v)?;
        }
        if let Some(v) = self.parameters.as_ref() {
            struct_ser.serialize_field("parameters", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for StartTrainingRequest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "model",
            "algorithm",
            "parameters",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Model,
            Algorithm,
            Parameters,
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
                            "algorithm" => Ok(GeneratedField::Algorithm),
                            "parameters" => Ok(GeneratedField::Parameters),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = StartTrainingRequest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.training.v1.StartTrainingRequest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<StartTrainingRequest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut model__ = None;
                let mut algorithm__ = None;
                let mut parameters__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Model => {
                            if model__.is_some() {
                                return Err(serde::de::Error::duplicate_field("model"));
                            }
                            model__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Algorithm => {
                            if algorithm__.is_some() {
                                return Err(serde::de::Error::duplicate_field("algorithm"));
                            }
                            algorithm__ = Some(map_.next_value::<Algorithm>()? as i32);
                        }
                        GeneratedField::Parameters => {
                            if parameters__.is_some() {
                                return Err(serde::de::Error::duplicate_field("parameters"));
                            }
                            parameters__ = map_.next_value()?;
                        }
                    }
                }
                Ok(StartTrainingRequest {
                    model: model__.unwrap_or_default(),
                    algorithm: algorithm__.unwrap_or_default(),
                    parameters: parameters__,
                })
            }
        }
        deserializer.deserialize_struct("marquee.training.v1.StartTrainingRequest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for StartTrainingResponse {
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
        let mut struct_ser = serializer.serialize_struct("marquee.training.v1.StartTrainingResponse", len)?;
        if let Some(v) = self.training.as_ref() {
            struct_ser.serialize_field("training", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for StartTrainingResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "training",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Training,
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
                            "training" => Ok(GeneratedField::Training),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = StartTrainingResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.training.v1.StartTrainingResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<StartTrainingResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut training__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Training => {
                            if training__.is_some() {
                                return Err(serde::de::Error::duplicate_field("training"));
                            }
                            training__ = map_.next_value()?;
                        }
                    }
                }
                Ok(StartTrainingResponse {
                    training: training__,
                })
            }
        }
        deserializer.deserialize_struct("marquee.training.v1.StartTrainingResponse", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for State {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "STATE_UNSPECIFIED",
            Self::Queued => "STATE_QUEUED",
            Self::Running => "STATE_RUNNING",
            Self::Succeeded => "STATE_SUCCEEDED",
            Self::Failed => "STATE_FAILED",
            Self::Cancelled => "STATE_CANCELLED",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for State {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "STATE_UNSPECIFIED",
            "STATE_QUEUED",
            "STATE_RUNNING",
            "STATE_SUCCEEDED",
            "STATE_FAILED",
            "STATE_CANCELLED",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = State;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "STATE_UNSPECIFIED" => Ok(State::Unspecified),
                    "STATE_QUEUED" => Ok(State::Queued),
                    "STATE_RUNNING" => Ok(State::Running),
                    "STATE_SUCCEEDED" => Ok(State::Succeeded),
                    "STATE_FAILED" => Ok(State::Failed),
                    "STATE_CANCELLED" => Ok(State::Cancelled),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for Training {
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
        let mut struct_ser = serializer.serialize_struct("marquee.training.v1.Training", len)?;
        if true {
            struct_ser.serialize_field("trainingId", &self.training_id)?;
        }
        if true {
            struct_ser.serialize_field("model", &self.model)?;
        }
        if true {
            let v = Algorithm::try_from(self.algorithm)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.algorithm)))?;
            struct_ser.serialize_field("algorithm", &v)?;
        }
        if let Some(v) = self.parameters.as_ref() {
            struct_ser.serialize_field("parameters", v)?;
        }
        if true {
            let v = State::try_from(self.state)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.state)))?;
            struct_ser.serialize_field("state", &v)?;
        }
        if true {
            let v = Stage::try_from(self.stage)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.stage)))?;
            struct_ser.serialize_field("stage", &v)?;
        }
        if true {
            struct_ser.serialize_field("progress", &self.progress)?;
        }
        if true {
            struct_ser.serialize_field("message", &self.message)?;
        }
        if let Some(v) = self.created_at.as_ref() {
            struct_ser.serialize_field("createdAt", v)?;
        }
        if let Some(v) = self.ended_at.as_ref() {
            struct_ser.serialize_field("endedAt", v)?;
        }
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("version", ToString::to_string(&self.version).as_str())?;
        }
        if let Some(v) = self.metrics.as_ref() {
            struct_ser.serialize_field("metrics", v)?;
        }
        if true {
            struct_ser.serialize_field("digest", &self.digest)?;
        }
        if true {
            struct_ser.serialize_field("datasetDigest", &self.dataset_digest)?;
        }
        if true {
            struct_ser.serialize_field("trainSeconds", &self.train_seconds)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Training {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "training_id",
            "trainingId",
            "model",
            "algorithm",
            "parameters",
            "state",
            "stage",
            "progress",
            "message",
            "created_at",
            "createdAt",
            "ended_at",
            "endedAt",
            "version",
            "metrics",
            "digest",
            "dataset_digest",
            "datasetDigest",
            "train_seconds",
            "trainSeconds",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            TrainingId,
            Model,
            Algorithm,
            Parameters,
            State,
            Stage,
            Progress,
            Message,
            CreatedAt,
            EndedAt,
            Version,
            Metrics,
            Digest,
            DatasetDigest,
            TrainSeconds,
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
                            "trainingId" | "training_id" => Ok(GeneratedField::TrainingId),
                            "model" => Ok(GeneratedField::Model),
                            "algorithm" => Ok(GeneratedField::Algorithm),
                            "parameters" => Ok(GeneratedField::Parameters),
                            "state" => Ok(GeneratedField::State),
                            "stage" => Ok(GeneratedField::Stage),
                            "progress" => Ok(GeneratedField::Progress),
                            "message" => Ok(GeneratedField::Message),
                            "createdAt" | "created_at" => Ok(GeneratedField::CreatedAt),
                            "endedAt" | "ended_at" => Ok(GeneratedField::EndedAt),
                            "version" => Ok(GeneratedField::Version),
                            "metrics" => Ok(GeneratedField::Metrics),
                            "digest" => Ok(GeneratedField::Digest),
                            "datasetDigest" | "dataset_digest" => Ok(GeneratedField::DatasetDigest),
                            "trainSeconds" | "train_seconds" => Ok(GeneratedField::TrainSeconds),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Training;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.training.v1.Training")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Training, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut training_id__ = None;
                let mut model__ = None;
                let mut algorithm__ = None;
                let mut parameters__ = None;
                let mut state__ = None;
                let mut stage__ = None;
                let mut progress__ = None;
                let mut message__ = None;
                let mut created_at__ = None;
                let mut ended_at__ = None;
                let mut version__ = None;
                let mut metrics__ = None;
                let mut digest__ = None;
                let mut dataset_digest__ = None;
                let mut train_seconds__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::TrainingId => {
                            if training_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("trainingId"));
                            }
                            training_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Model => {
                            if model__.is_some() {
                                return Err(serde::de::Error::duplicate_field("model"));
                            }
                            model__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Algorithm => {
                            if algorithm__.is_some() {
                                return Err(serde::de::Error::duplicate_field("algorithm"));
                            }
                            algorithm__ = Some(map_.next_value::<Algorithm>()? as i32);
                        }
                        GeneratedField::Parameters => {
                            if parameters__.is_some() {
                                return Err(serde::de::Error::duplicate_field("parameters"));
                            }
                            parameters__ = map_.next_value()?;
                        }
                        GeneratedField::State => {
                            if state__.is_some() {
                                return Err(serde::de::Error::duplicate_field("state"));
                            }
                            state__ = Some(map_.next_value::<State>()? as i32);
                        }
                        GeneratedField::Stage => {
                            if stage__.is_some() {
                                return Err(serde::de::Error::duplicate_field("stage"));
                            }
                            stage__ = Some(map_.next_value::<Stage>()? as i32);
                        }
                        GeneratedField::Progress => {
                            if progress__.is_some() {
                                return Err(serde::de::Error::duplicate_field("progress"));
                            }
                            progress__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Message => {
                            if message__.is_some() {
                                return Err(serde::de::Error::duplicate_field("message"));
                            }
                            message__ = Some(map_.next_value()?);
                        }
                        GeneratedField::CreatedAt => {
                            if created_at__.is_some() {
                                return Err(serde::de::Error::duplicate_field("createdAt"));
                            }
                            created_at__ = map_.next_value()?;
                        }
                        GeneratedField::EndedAt => {
                            if ended_at__.is_some() {
                                return Err(serde::de::Error::duplicate_field("endedAt"));
                            }
                            ended_at__ = map_.next_value()?;
                        }
                        GeneratedField::Version => {
                            if version__.is_some() {
                                return Err(serde::de::Error::duplicate_field("version"));
                            }
                            version__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Metrics => {
                            if metrics__.is_some() {
                                return Err(serde::de::Error::duplicate_field("metrics"));
                            }
                            metrics__ = map_.next_value()?;
                        }
                        GeneratedField::Digest => {
                            if digest__.is_some() {
                                return Err(serde::de::Error::duplicate_field("digest"));
                            }
                            digest__ = Some(map_.next_value()?);
                        }
                        GeneratedField::DatasetDigest => {
                            if dataset_digest__.is_some() {
                                return Err(serde::de::Error::duplicate_field("datasetDigest"));
                            }
                            dataset_digest__ = Some(map_.next_value()?);
                        }
                        GeneratedField::TrainSeconds => {
                            if train_seconds__.is_some() {
                                return Err(serde::de::Error::duplicate_field("trainSeconds"));
                            }
                            train_seconds__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                    }
                }
                Ok(Training {
                    training_id: training_id__.unwrap_or_default(),
                    model: model__.unwrap_or_default(),
                    algorithm: algorithm__.unwrap_or_default(),
                    parameters: parameters__,
                    state: state__.unwrap_or_default(),
                    stage: stage__.unwrap_or_default(),
                    progress: progress__.unwrap_or_default(),
                    message: message__.unwrap_or_default(),
                    created_at: created_at__,
                    ended_at: ended_at__,
                    version: version__.unwrap_or_default(),
                    metrics: metrics__,
                    digest: digest__.unwrap_or_default(),
                    dataset_digest: dataset_digest__.unwrap_or_default(),
                    train_seconds: train_seconds__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("marquee.training.v1.Training", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for WatchTrainingRequest {
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
        let mut struct_ser = serializer.serialize_struct("marquee.training.v1.WatchTrainingRequest", len)?;
        if true {
            struct_ser.serialize_field("trainingId", &self.training_id)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for WatchTrainingRequest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "training_id",
            "trainingId",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            TrainingId,
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
                            "trainingId" | "training_id" => Ok(GeneratedField::TrainingId),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = WatchTrainingRequest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.training.v1.WatchTrainingRequest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<WatchTrainingRequest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut training_id__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::TrainingId => {
                            if training_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("trainingId"));
                            }
                            training_id__ = Some(map_.next_value()?);
                        }
                    }
                }
                Ok(WatchTrainingRequest {
                    training_id: training_id__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("marquee.training.v1.WatchTrainingRequest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for WatchTrainingResponse {
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
        let mut struct_ser = serializer.serialize_struct("marquee.training.v1.WatchTrainingResponse", len)?;
        if let Some(v) = self.training.as_ref() {
            struct_ser.serialize_field("training", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for WatchTrainingResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "training",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Training,
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
                            "training" => Ok(GeneratedField::Training),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = WatchTrainingResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct marquee.training.v1.WatchTrainingResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<WatchTrainingResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut training__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Training => {
                            if training__.is_some() {
                                return Err(serde::de::Error::duplicate_field("training"));
                            }
                            training__ = map_.next_value()?;
                        }
                    }
                }
                Ok(WatchTrainingResponse {
                    training: training__,
                })
            }
        }
        deserializer.deserialize_struct("marquee.training.v1.WatchTrainingResponse", FIELDS, GeneratedVisitor)
    }
}

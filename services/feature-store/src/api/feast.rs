//! Serves Feast's `feast.serving.ServingService`, so that a Feast client can use Marquee as its
//! feature server. A view is both a feature view and a feature service of Feast.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use marquee_domain::{Clock, Reason, Timestamp};
use marquee_features::{Column, Value, View};
use marquee_kit::{Failure, Kind};
use marquee_proto::convert;
use marquee_proto::feast::serving::get_online_features_request::Kind as Requested;
use marquee_proto::feast::serving::get_online_features_response::FeatureVector;
use marquee_proto::feast::serving::serving_service_server::{ServingService, ServingServiceServer};
use marquee_proto::feast::serving::{self as pb, FieldStatus};
use marquee_proto::feast::types::{self, RepeatedValue, value::Val};
use tonic::{Request, Response, Status};

use super::{MAX_MESSAGE, MAX_REQUEST, MOST_ENTITIES, wire};
use crate::entity::{Entity, has_view};
use crate::online::{Basis, EntityFeatures, Online};

/// Answers Feast clients.
#[derive(Debug, Clone)]
pub(crate) struct FeastHandler {
    pub(crate) online: Arc<Online>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl FeastHandler {
    /// Returns the gRPC service.
    pub(crate) fn into_server(self) -> ServingServiceServer<Self> {
        ServingServiceServer::new(self).max_decoding_message_size(MAX_REQUEST).max_encoding_message_size(MAX_MESSAGE)
    }
}

#[tonic::async_trait]
impl ServingService for FeastHandler {
    async fn get_feast_serving_info(
        &self,
        _: Request<pb::GetFeastServingInfoRequest>,
    ) -> Result<Response<pb::GetFeastServingInfoResponse>, Status> {
        let version = format!("marquee {}", env!("CARGO_PKG_VERSION"));
        Ok(Response::new(pb::GetFeastServingInfoResponse { version }))
    }

    async fn get_online_features(
        &self,
        request: Request<pb::GetOnlineFeaturesRequest>,
    ) -> Result<Response<pb::GetOnlineFeaturesResponse>, Status> {
        let request = request.into_inner();
        let columns = self.columns(&request)?;
        let names = self.short_names(&columns, request.full_feature_names)?;
        let entities = entities(&request.entities)?;
        for view in View::ALL {
            if has_view(&columns, view) && !request.entities.contains_key(view.key()) {
                let message = format!("is missing; features of the view '{}' need it", view.name());
                return Err(Failure::field(format!("entities.{}", view.key()), Reason::Missing, message).into());
            }
        }
        let now = self.clock.now();
        let rows = self.online.features(entities, columns.clone(), now).await?;
        let (mut feature_names, mut results) = entity_vectors(request.entities);
        feature_names.extend(names);
        results.extend(self.feature_vectors(&columns, rows, now));
        let metadata = pb::GetOnlineFeaturesResponseMetadata {
            feature_names: Some(pb::FeatureList { val: feature_names }),
            feature_view_metadata: Vec::new(),
        };
        Ok(Response::new(pb::GetOnlineFeaturesResponse { metadata: Some(metadata), results, status: true }))
    }
}

impl FeastHandler {
    fn columns(&self, request: &pb::GetOnlineFeaturesRequest) -> Result<Vec<Column>, Failure> {
        match &request.kind {
            Some(Requested::Features(list)) => wire::columns(&self.online.definition, &list.val),
            Some(Requested::FeatureService(name)) => {
                let view = View::ALL.into_iter().find(|view| view.name() == name);
                let unknown = || {
                    let message = format!("feature service '{name}' does not exist; expected user or movie");
                    Failure::new(Kind::NotFound, message)
                };
                Ok(self.online.definition.all(view.ok_or_else(unknown)?))
            }
            None => {
                let message = "is missing; name features or a feature service";
                Err(Failure::field("features", Reason::Missing, message))
            }
        }
    }

    /// Returns the names in the answer. Two features with the same short name cannot be told apart.
    fn short_names(&self, columns: &[Column], full: bool) -> Result<Vec<String>, Failure> {
        let name = |column: &Column| {
            let feature = &self.online.definition.feature(*column).name;
            if full { format!("{}__{feature}", column.view.name()) } else { feature.clone() }
        };
        let names: Vec<String> = columns.iter().map(name).collect();
        let mut seen = HashSet::new();
        match names.iter().find(|name| !seen.insert(name.as_str())) {
            None => Ok(names),
            Some(twice) => {
                let message = format!(
                    "has '{twice}' twice; name each feature once, and set full_feature_names if views share a name"
                );
                Err(Failure::field("features", Reason::NameTwice, message))
            }
        }
    }

    /// Returns one vector for each column.
    fn feature_vectors(&self, columns: &[Column], rows: Vec<EntityFeatures>, now: Timestamp) -> Vec<FeatureVector> {
        let mut vectors: Vec<FeatureVector> = Vec::new();
        vectors.resize_with(columns.len(), || FeatureVector {
            values: Vec::with_capacity(rows.len()),
            statuses: Vec::with_capacity(rows.len()),
            event_timestamps: Vec::with_capacity(rows.len()),
        });
        for row in rows {
            for ((value, column), vector) in row.values.into_iter().zip(columns).zip(&mut vectors) {
                let basis = if column.view == View::User { row.user } else { row.movie };
                let (value, status, at) = self.field(value, basis, now);
                vector.values.push(value);
                vector.statuses.push(status.into());
                vector.event_timestamps.push(at);
            }
        }
        vectors
    }

    fn field(
        &self,
        value: Option<Value>,
        basis: Option<Basis>,
        now: Timestamp,
    ) -> (types::Value, FieldStatus, marquee_proto::Timestamp) {
        let Some(Basis { event_time, .. }) = basis else {
            return (types::Value::default(), FieldStatus::NotFound, marquee_proto::Timestamp::default());
        };
        let status = match &value {
            None => FieldStatus::NullValue,
            Some(_) if self.online.is_past_ttl(event_time, now) => FieldStatus::OutsideMaxAge,
            Some(_) => FieldStatus::Present,
        };
        let at = event_time.map(convert::timestamp).unwrap_or_default();
        (value.map(feast_value).unwrap_or_default(), status, at)
    }
}

/// Returns the entity keys, as the answer repeats them, with their names.
fn entity_vectors(mut entities: HashMap<String, RepeatedValue>) -> (Vec<String>, Vec<FeatureVector>) {
    let (mut names, mut vectors) = (Vec::new(), Vec::new());
    for view in View::ALL {
        let Some(column) = entities.remove(view.key()) else { continue };
        names.push(view.key().to_owned());
        let rows = column.val.len();
        vectors.push(FeatureVector {
            values: column.val,
            statuses: vec![FieldStatus::Present.into(); rows],
            event_timestamps: vec![marquee_proto::Timestamp::default(); rows],
        });
    }
    (names, vectors)
}

/// Reads the entities, one for each row, from their columns.
fn entities(columns: &HashMap<String, RepeatedValue>) -> Result<Vec<Entity>, Failure> {
    let rows = columns.values().map(|column| column.val.len()).max().unwrap_or_default();
    wire::check_size("entities", rows, MOST_ENTITIES)?;
    for (key, column) in columns {
        let field = || format!("entities.{key}");
        if !View::ALL.iter().any(|view| view.key() == key) {
            let message = "is not an entity key; expected user_id or movie_id";
            return Err(Failure::field(field(), Reason::UnknownEntity, message));
        }
        if column.val.len() != rows {
            let message = format!("has {} values and another key has {rows}; give one for each row", column.val.len());
            return Err(Failure::field(field(), Reason::Ragged, message));
        }
    }
    let (mut all, mut violations) = (Vec::with_capacity(rows), Vec::new());
    for row in 0..rows {
        let mut ids = [String::new(), String::new()];
        for (view, slot) in View::ALL.into_iter().zip(&mut ids) {
            let Some(column) = columns.get(view.key()) else { continue };
            match id(&column.val[row]).filter(|id| !id.is_empty()) {
                Some(id) => *slot = id,
                None => {
                    let field = format!("entities.{}[{row}]", view.key());
                    return Err(Failure::field(field, Reason::Missing, "is not an id; give a text or a whole number"));
                }
            }
        }
        all.push(wire::entity(&ids[0], &ids[1], &format!("entities[{row}]"), &mut violations));
    }
    wire::valid(all, violations)
}

/// Reads an id. Feast sends a text, or a number where ids are numbers.
fn id(value: &types::Value) -> Option<String> {
    match value.val.as_ref()? {
        Val::StringVal(text) => Some(text.clone()),
        Val::Int64Val(number) => Some(number.to_string()),
        Val::Int32Val(number) => Some(number.to_string()),
        _ => None,
    }
}

fn feast_value(value: Value) -> types::Value {
    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let val = match value {
        Value::Count(count) => Val::Int64Val(signed(count)),
        Value::Number(number) => Val::DoubleVal(number),
        Value::Time(time) => Val::UnixTimestampVal(time.seconds()),
        Value::Texts(val) => Val::StringListVal(types::StringList { val }),
        Value::Counts(all) => Val::Int64ListVal(types::Int64List { val: all.into_iter().map(signed).collect() }),
        Value::Numbers(val) => Val::DoubleListVal(types::DoubleList { val }),
        Value::Times(all) => {
            Val::UnixTimestampListVal(types::Int64List { val: all.into_iter().map(Timestamp::seconds).collect() })
        }
    };
    types::Value { val: Some(val) }
}

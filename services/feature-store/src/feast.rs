//! Answers Feast's `feast.serving.ServingService`, so that a Feast client can point here. Values are those of every other door; what Feast calls a
//! feature view is a view, and its feature services are the views by name.

use std::collections::{HashMap, HashSet};

use marquee_domain::{Position, Reason, Timestamp};
use marquee_features::{Column, Value, View};
use marquee_kit::{Failure, Kind};
use marquee_proto::convert;
use marquee_proto::feast::serving::get_online_features_request::Kind as Asked;
use marquee_proto::feast::serving::get_online_features_response::FeatureVector;
use marquee_proto::feast::serving::{self as pb, FieldStatus, serving_service_server};
use marquee_proto::feast::types::{self, RepeatedValue, value::Val};
use tonic::{Request, Response, Status};

use crate::named::{Entity, columns};
use crate::service::{MOST_ENTITIES, Service, check_size};

/// An id as Feast sends it: a text, or a number for those whose ids are numbers.
fn id(value: &types::Value) -> Option<String> {
    match value.val.as_ref()? {
        Val::StringVal(text) => Some(text.clone()),
        Val::Int64Val(number) => Some(number.to_string()),
        Val::Int32Val(number) => Some(number.to_string()),
        _ => None,
    }
}

fn wire(value: Value) -> types::Value {
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

/// Entities, one a row, from their columns.
fn entities(columns: &HashMap<String, RepeatedValue>) -> Result<Vec<Entity>, Failure> {
    let rows = columns.values().map(|column| column.val.len()).max().unwrap_or_default();
    check_size("entities", rows, MOST_ENTITIES)?;
    for (key, column) in columns {
        let field = || format!("entities.{key}");
        if !View::ALL.iter().any(|view| view.key() == key) {
            return Err(Failure::field(field(), Reason::UnknownEntity, "is no entity key: give user_id or movie_id"));
        }
        if column.val.len() != rows {
            let fix = format!("has {} values, another {rows}: give one a row", column.val.len());
            return Err(Failure::field(field(), Reason::Ragged, fix));
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
                    return Err(Failure::field(field, Reason::Missing, "is no id: give a text or a whole number"));
                }
            }
        }
        all.push(Entity::read(&ids[0], &ids[1], &format!("entities[{row}]"), &mut violations));
    }
    if violations.is_empty() { Ok(all) } else { Err(Failure::invalid(violations)) }
}

impl Service {
    fn feast_columns(&self, request: &pb::GetOnlineFeaturesRequest) -> Result<Vec<Column>, Failure> {
        match &request.kind {
            Some(Asked::Features(list)) => columns(self.definition(), &list.val),
            Some(Asked::FeatureService(name)) => {
                let view = View::ALL.into_iter().find(|view| view.name() == name);
                let unknown = || {
                    let message =
                        format!("there is no feature service '{name}': user and movie have all of their view");
                    Failure::new(Kind::NotFound, message)
                };
                Ok(self.definition().all(view.ok_or_else(unknown)?))
            }
            None => Err(Failure::field("features", Reason::Missing, "is missing: name features, or a feature service")),
        }
    }

    /// Names in the answer; two features of one short name cannot be told apart.
    fn feast_names(&self, columns: &[Column], full: bool) -> Result<Vec<String>, Failure> {
        let name = |column: &Column| {
            let feature = &self.definition().feature(*column).name;
            if full { format!("{}__{feature}", column.view.name()) } else { feature.clone() }
        };
        let names: Vec<String> = columns.iter().map(name).collect();
        let mut seen = HashSet::new();
        match names.iter().find(|name| !seen.insert(name.as_str())) {
            None => Ok(names),
            Some(twice) => {
                let fix =
                    format!("has '{twice}' twice: ask for each once, with full_feature_names if views share a name");
                Err(Failure::field("features", Reason::NameTwice, fix))
            }
        }
    }

    fn feast_field(
        &self,
        value: Option<Value>,
        rests_on: Option<(Option<Timestamp>, Position)>,
        now: Timestamp,
    ) -> (types::Value, FieldStatus, marquee_proto::Timestamp) {
        let Some((event_time, _)) = rests_on else {
            return (types::Value::default(), FieldStatus::NotFound, marquee_proto::Timestamp::default());
        };
        let status = match &value {
            None => FieldStatus::NullValue,
            Some(_) if self.is_past_ttl(event_time, now) => FieldStatus::OutsideMaxAge,
            Some(_) => FieldStatus::Present,
        };
        let at = event_time.map(convert::timestamp).unwrap_or_default();
        (value.map(wire).unwrap_or_default(), status, at)
    }
}

#[tonic::async_trait]
impl serving_service_server::ServingService for Service {
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
        let mut request = request.into_inner();
        let columns = self.feast_columns(&request)?;
        let names = self.feast_names(&columns, request.full_feature_names)?;
        let entities = entities(&request.entities)?;
        for view in View::ALL {
            if columns.iter().any(|column| column.view == view) && !request.entities.contains_key(view.key()) {
                let fix = format!("is missing: features of {} need it", view.name());
                return Err(Failure::field(format!("entities.{}", view.key()), Reason::Missing, fix).into());
            }
        }
        let now = self.dependencies().clock.now();
        let found = self.find(&entities, &columns, now).await?;
        let mut results: Vec<FeatureVector> = Vec::with_capacity(2 + columns.len());
        let mut feature_names = Vec::with_capacity(2 + columns.len());
        for view in View::ALL {
            let Some(column) = request.entities.remove(view.key()) else { continue };
            feature_names.push(view.key().to_owned());
            let rows = column.val.len();
            results.push(FeatureVector {
                values: column.val,
                statuses: vec![FieldStatus::Present.into(); rows],
                event_timestamps: vec![marquee_proto::Timestamp::default(); rows],
            });
        }
        let first = results.len();
        results.resize_with(first + columns.len(), || FeatureVector {
            values: Vec::with_capacity(found.len()),
            statuses: Vec::with_capacity(found.len()),
            event_timestamps: Vec::with_capacity(found.len()),
        });
        for row in found {
            for ((value, column), vector) in row.values.into_iter().zip(&columns).zip(&mut results[first..]) {
                let rests_on = if column.view == View::User { row.user } else { row.movie };
                let (value, status, at) = self.feast_field(value, rests_on, now);
                vector.values.push(value);
                vector.statuses.push(status.into());
                vector.event_timestamps.push(at);
            }
        }
        feature_names.extend(names);
        let metadata = pb::GetOnlineFeaturesResponseMetadata {
            feature_names: Some(pb::FeatureList { val: feature_names }),
            feature_view_metadata: Vec::new(),
        };
        Ok(Response::new(pb::GetOnlineFeaturesResponse { metadata: Some(metadata), results, status: true }))
    }
}

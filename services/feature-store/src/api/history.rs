//! Serves `marquee.features.v1.FeatureHistory`: features computed from the log.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use marquee_domain::{Clock, Reason, Violation};
use marquee_features::{Column, Definition, ValueKind, View};
use marquee_kit::Failure;
use marquee_proto::convert;
use marquee_proto::features::v1 as pb;
use marquee_proto::features::v1::feature_history_server::{FeatureHistory, FeatureHistoryServer};
use prost::Message;
use tonic::{Request, Response, Status};

use super::{MAX_MESSAGE, MAX_REQUEST, wire};
use crate::offline::{Backfill, BackfillRequest, Instant, Join, JoinRequest, Offline};

/// Most rows of a join.
const MOST_ROWS: usize = 100_000;

/// The most bytes of one answer of a stream. Clients refuse answers over 4 MiB unless they are told
/// otherwise.
const ANSWER_BYTES: usize = 2 << 20;

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Answers computations from the log.
#[derive(Debug, Clone)]
pub(crate) struct HistoryHandler {
    pub(crate) offline: Arc<Offline>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl HistoryHandler {
    /// Returns the gRPC service.
    pub(crate) fn into_server(self) -> FeatureHistoryServer<Self> {
        FeatureHistoryServer::new(self).max_decoding_message_size(MAX_REQUEST).max_encoding_message_size(MAX_MESSAGE)
    }
}

#[tonic::async_trait]
impl FeatureHistory for HistoryHandler {
    type JoinFeaturesStream = Answers<pb::JoinFeaturesResponse>;

    async fn join_features(
        &self,
        request: Request<pb::JoinFeaturesRequest>,
    ) -> Result<Response<Self::JoinFeaturesStream>, Status> {
        let request = request.into_inner();
        wire::check_size("rows", request.rows.len(), MOST_ROWS)?;
        let columns = match request.features.is_empty() {
            true => single_valued(&self.offline.definition),
            false => wire::columns(&self.offline.definition, &request.features)?,
        };
        let rows = instants(&request.rows)?;
        let features = wire::names(&self.offline.definition, &columns);
        let ignore_ingestion = request.ignore_ingestion_time;
        let join = self.offline.join(JoinRequest { rows, columns, ignore_ingestion }).await?;
        let head = pb::JoinFeaturesResponse { features, rows: Vec::new() };
        Ok(Response::new(Box::pin(stream::iter([Ok(head)]).chain(join_pages(join)))))
    }

    type BackfillFeaturesStream = Answers<pb::BackfillFeaturesResponse>;

    async fn backfill_features(
        &self,
        request: Request<pb::BackfillFeaturesRequest>,
    ) -> Result<Response<Self::BackfillFeaturesStream>, Status> {
        let request = self.backfill_request(&request.into_inner())?;
        let features = wire::names(&self.offline.definition, &request.columns);
        let backfill = self.offline.backfill(request).await?;
        let head = pb::BackfillFeaturesResponse { features, ..Default::default() };
        Ok(Response::new(Box::pin(stream::iter([Ok(head)]).chain(backfill_pages(backfill)))))
    }

    async fn check_features(
        &self,
        request: Request<pb::CheckFeaturesRequest>,
    ) -> Result<Response<pb::CheckFeaturesResponse>, Status> {
        let pb::CheckFeaturesRequest { sample, seed } = request.into_inner();
        let report = self.offline.check(sample, seed, self.clock.now()).await?;
        Ok(Response::new(wire::check_report(report)))
    }
}

impl HistoryHandler {
    fn backfill_request(&self, request: &pb::BackfillFeaturesRequest) -> Result<BackfillRequest, Failure> {
        let definition = &self.offline.definition;
        let Some(view) = View::ALL.into_iter().find(|view| view.name() == request.view) else {
            let message = format!("is '{}'; give user or movie", request.view);
            return Err(Failure::field("view", Reason::UnknownView, message));
        };
        let columns = match request.features.is_empty() {
            true => definition.all(view),
            false => wire::columns(definition, &request.features)?,
        };
        if let Some(index) = columns.iter().position(|column| column.view != view) {
            let message =
                format!("is not a feature of the view '{}'; request it in a call for its own view", view.name());
            return Err(Failure::field(format!("features[{index}]"), Reason::OtherView, message));
        }
        let as_of = wire::as_of(request.as_of.as_ref(), self.clock.now())?;
        Ok(BackfillRequest { view, columns, as_of, ignore_ingestion: request.ignore_ingestion_time })
    }
}

/// Returns the columns of all features with a single value.
fn single_valued(definition: &Definition) -> Vec<Column> {
    let single = |column: &Column| {
        matches!(definition.feature(*column).kind(), ValueKind::Count | ValueKind::Number | ValueKind::Time)
    };
    View::ALL.into_iter().flat_map(|view| definition.all(view)).filter(single).collect()
}

fn instants(rows: &[pb::JoinRow]) -> Result<Vec<Instant>, Failure> {
    let (mut instants, mut violations) = (Vec::with_capacity(rows.len()), Vec::new());
    for (index, row) in rows.iter().enumerate() {
        let field = format!("rows[{index}]");
        let entity = wire::entity(&row.user_id, &row.movie_id, &field, &mut violations);
        match row.at.as_ref().map(|at| convert::from_timestamp("at", at)) {
            Some(Ok(at)) => instants.push(Instant { entity, at }),
            Some(Err(violation)) => violations.push(violation.within(&field)),
            None => {
                violations.push(Violation::new(format!("{field}.at"), Reason::Missing, "is missing; give a time"));
            }
        }
    }
    wire::valid(instants, violations)
}

/// Streams the pages of a join. Each page is computed when the caller is ready for it.
fn join_pages(join: Join) -> impl Stream<Item = Result<pb::JoinFeaturesResponse, Status>> + Send {
    let pages = stream::unfold(join, |mut join| async move {
        let rows = join.next_page().await?.into_iter().map(wire::row).collect();
        Some((split(rows), join))
    });
    let answer = |rows| Ok::<_, Status>(pb::JoinFeaturesResponse { features: Vec::new(), rows });
    pages.flat_map(move |parts| stream::iter(parts.into_iter().map(answer)))
}

/// Streams the pages of a backfill. Each page is computed when the caller is ready for it.
fn backfill_pages(backfill: Backfill) -> impl Stream<Item = Result<pb::BackfillFeaturesResponse, Status>> + Send {
    let pages = stream::try_unfold(backfill, |mut backfill| async move {
        let Some(page) = backfill.next_page().await? else { return Ok::<_, Status>(None) };
        let (ids, rows): (Vec<String>, Vec<_>) = page.into_iter().map(|(id, values)| (id, wire::row(values))).unzip();
        let mut ids = ids.into_iter();
        let answer = |rows: Vec<pb::ValueRow>| {
            let ids = ids.by_ref().take(rows.len()).collect();
            Ok(pb::BackfillFeaturesResponse { features: Vec::new(), ids, rows })
        };
        let answers: Vec<Result<_, Status>> = split(rows).into_iter().map(answer).collect();
        Ok(Some((stream::iter(answers), backfill)))
    });
    pages.try_flatten()
}

/// Splits the rows of a page into answers that every client accepts.
fn split(rows: Vec<pb::ValueRow>) -> Vec<Vec<pb::ValueRow>> {
    let (mut parts, mut part, mut size) = (Vec::new(), Vec::new(), 0);
    for row in rows {
        let length = row.encoded_len();
        if !part.is_empty() && size + length > ANSWER_BYTES {
            parts.push(std::mem::take(&mut part));
            size = 0;
        }
        size += length;
        part.push(row);
    }
    parts.push(part);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_long_lists_is_split_below_what_clients_accept() {
        let list = pb::value::Kind::Counts(pb::Counts { values: vec![u64::MAX; 500] });
        let row = pb::ValueRow { values: vec![pb::Value { kind: Some(list) }; 3] };
        let parts = split(vec![row; 500]);
        assert!(parts.len() > 1 && parts.iter().map(Vec::len).sum::<usize>() == 500);
        let bytes = |rows: &Vec<pb::ValueRow>| rows.iter().map(Message::encoded_len).sum::<usize>();
        assert!(parts.iter().all(|part| !part.is_empty() && bytes(part) < 4 << 20));
        assert_eq!(split(Vec::new()).len(), 1, "an empty page is one answer");
    }
}

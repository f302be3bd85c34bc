//! Serves `marquee.features.v1.FeatureHistory`: features computed anew from the log.

use marquee_domain::Reason;
use std::pin::Pin;

use futures_util::{Stream, StreamExt};
use marquee_features::{Column, View};
use marquee_kit::Failure;
use marquee_proto::convert;
use marquee_proto::features::v1::{self as pb, feature_history_server};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::join::{Instant, PAGE, Page, Values, backfill, join};
use crate::named::{Entity, columns, wire};
use crate::service::{Service, as_of, check_size};

const MOST_ROWS: usize = 100_000;
/// Answers that wait for the client.
const AHEAD: usize = 4;

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn wire_row(values: Values) -> pb::ValueRow {
    pb::ValueRow { values: values.into_iter().map(wire).collect() }
}

impl Service {
    fn names(&self, columns: &[Column]) -> Vec<String> {
        columns.iter().map(|&column| self.definition().name(column)).collect()
    }

    /// The features asked for; if none are, every one that has a single value.
    fn asked(&self, names: &[String]) -> Result<Vec<Column>, Failure> {
        if !names.is_empty() {
            return columns(self.definition(), names);
        }
        let all = View::ALL.into_iter().flat_map(|view| self.definition().all(view));
        let single = |column: &Column| {
            use marquee_features::ValueKind::{Count, Number, Time};
            matches!(self.definition().feature(*column).kind(), Count | Number | Time)
        };
        Ok(all.filter(single).collect())
    }
}

#[tonic::async_trait]
impl feature_history_server::FeatureHistory for Service {
    type JoinFeaturesStream = Answers<pb::JoinFeaturesResponse>;

    async fn join_features(
        &self,
        request: Request<pb::JoinFeaturesRequest>,
    ) -> Result<Response<Self::JoinFeaturesStream>, Status> {
        let request = request.into_inner();
        check_size("rows", request.rows.len(), MOST_ROWS)?;
        let columns = self.asked(&request.features)?;
        let mut violations = Vec::new();
        let mut rows = Vec::with_capacity(request.rows.len());
        for (index, row) in request.rows.iter().enumerate() {
            let place = format!("rows[{index}]");
            let entity = Entity::read(&row.user_id, &row.movie_id, &place, &mut violations);
            let at = row.at.as_ref().map(|at| convert::from_timestamp("at", at));
            match at {
                Some(Ok(at)) => rows.push(Instant { entity, at }),
                Some(Err(violation)) => violations.push(violation.within(&place)),
                None => violations.push(marquee_domain::Violation::new(
                    format!("{place}.at"),
                    Reason::Missing,
                    "is missing: give a time",
                )),
            }
        }
        if !violations.is_empty() {
            return Err(Failure::invalid(violations).into());
        }
        let _leave = self.batch()?;
        let names = self.names(&columns);
        let joined = join(self, rows, columns, request.ignore_ingestion_time).await?;
        let pages = joined.into_iter().map(wire_row).collect::<Vec<_>>();
        let head = pb::JoinFeaturesResponse { features: names, rows: Vec::new() };
        let pages = futures_util::stream::iter(pages)
            .chunks(PAGE)
            .map(|rows| Ok(pb::JoinFeaturesResponse { features: Vec::new(), rows }));
        Ok(Response::new(Box::pin(futures_util::stream::iter([Ok(head)]).chain(pages))))
    }

    type BackfillFeaturesStream = Answers<pb::BackfillFeaturesResponse>;

    async fn backfill_features(
        &self,
        request: Request<pb::BackfillFeaturesRequest>,
    ) -> Result<Response<Self::BackfillFeaturesStream>, Status> {
        let request = request.into_inner();
        let Some(view) = View::ALL.into_iter().find(|view| view.name() == request.view) else {
            let fix = format!("is '{}': give user or movie", request.view);
            return Err(Failure::field("view", Reason::UnknownView, fix).into());
        };
        let columns = match request.features.is_empty() {
            true => self.definition().all(view),
            false => columns(self.definition(), &request.features)?,
        };
        if let Some(index) = columns.iter().position(|column| column.view != view) {
            let fix = format!("is of another view than '{}': ask for that in a call of its own", view.name());
            return Err(Failure::field(format!("features[{index}]"), Reason::OtherView, fix).into());
        }
        let as_of = as_of("as_of", request.as_of.as_ref(), self.dependencies().clock.now())?;
        let leave = self.batch()?;
        let head = pb::BackfillFeaturesResponse { features: self.names(&columns), ..Default::default() };
        let (sender, receiver) = mpsc::channel(AHEAD);
        let (service, ignore_ingestion) = (self.clone(), request.ignore_ingestion_time);
        // It ends when nobody listens any more, and the server's end is one such moment.
        tokio::spawn(async move {
            let _leave = leave;
            if let Err(failure) = backfill(&service, view, columns, as_of, ignore_ingestion, &sender).await {
                // Whoever does not listen any more does not mind.
                let _ = sender.send(Err(failure)).await;
            }
        });
        let page = |page: Result<Page, Failure>| {
            let (ids, rows) = page?.into_iter().map(|(id, values)| (id, wire_row(values))).unzip();
            Ok(pb::BackfillFeaturesResponse { features: Vec::new(), ids, rows })
        };
        let pages = ReceiverStream::new(receiver).map(page);
        Ok(Response::new(Box::pin(futures_util::stream::iter([Ok(head)]).chain(pages))))
    }

    async fn check_features(
        &self,
        request: Request<pb::CheckFeaturesRequest>,
    ) -> Result<Response<pb::CheckFeaturesResponse>, Status> {
        let request = request.into_inner();
        let _leave = self.batch()?;
        Ok(Response::new(crate::check::check(self, request.sample, request.seed).await?))
    }
}

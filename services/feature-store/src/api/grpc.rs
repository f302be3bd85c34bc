//! Serves `marquee.features.v1.Features`.

use std::sync::Arc;
use std::time::Duration;

use marquee_domain::{Clock, MovieId, Position};
use marquee_features::View;
use marquee_proto::convert;
use marquee_proto::features::v1::features_server::{Features, FeaturesServer};
use marquee_proto::features::v1::{self as pb, UserView};
use tonic::{Request, Response, Status};

use super::{MAX_MESSAGE, MAX_REQUEST, MOST_ENTITIES, wire};
use crate::entity::{Entity, has_view};
use crate::online::{Online, Selection, UserQuery};

/// Most users of a call.
const MOST_USERS: usize = 1_000;

/// How long a call without a deadline waits for the positions that it names.
const DEFAULT_WAIT: Duration = Duration::from_secs(1);

/// Most movies of a call.
const MOST_MOVIES: usize = 10_000;

/// Answers reads of the online store.
#[derive(Debug, Clone)]
pub(crate) struct FeaturesHandler {
    pub(crate) online: Arc<Online>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl FeaturesHandler {
    /// Returns the gRPC service.
    pub(crate) fn into_server(self) -> FeaturesServer<Self> {
        FeaturesServer::new(self).max_decoding_message_size(MAX_REQUEST).max_encoding_message_size(MAX_MESSAGE)
    }
}

#[tonic::async_trait]
impl Features for FeaturesHandler {
    async fn get_users(&self, request: Request<pb::GetUsersRequest>) -> Result<Response<pb::GetUsersResponse>, Status> {
        let time_left = marquee_kit::time_limit(request.metadata().as_ref()).unwrap_or(DEFAULT_WAIT);
        let request = request.into_inner();
        wire::check_size("users", request.users.len(), MOST_USERS)?;
        let (mut queries, mut violations) = (Vec::with_capacity(request.users.len()), Vec::new());
        for (index, query) in request.users.iter().enumerate() {
            match convert::user_id("user_id", &query.user_id) {
                Ok(id) => queries.push(UserQuery { id, known_version: query.known_version }),
                Err(violation) => violations.push(violation.within(&format!("users[{index}]"))),
            }
        }
        let queries = wire::valid(queries, violations)?;
        let now = self.clock.now();
        let has = |view: UserView| request.views.contains(&view.into());
        let statistics = has(UserView::Statistics);
        let history = !statistics || has(UserView::History) || has(UserView::Unspecified);
        let selection = Selection { history, statistics, as_of: wire::as_of(request.as_of.as_ref(), now)? };
        let after: Vec<Position> = request.after.iter().map(convert::from_position).collect();
        self.online.positions.wait_for(&after, time_left).await?;
        let users = self.online.users(queries, selection).await?;
        let users: Vec<_> = users.into_iter().map(|user| wire::user(&self.online, user, now)).collect();
        let (count, answer) = (users.len(), pb::GetUsersResponse { users });
        wire::check_answer("users", count, &answer)?;
        Ok(Response::new(answer))
    }

    async fn get_movies(
        &self,
        request: Request<pb::GetMoviesRequest>,
    ) -> Result<Response<pb::GetMoviesResponse>, Status> {
        let request = request.into_inner();
        wire::check_size("movie_ids", request.movie_ids.len(), MOST_MOVIES)?;
        let (mut ids, mut violations): (Vec<MovieId>, Vec<_>) = (Vec::new(), Vec::new());
        for (index, id) in request.movie_ids.iter().enumerate() {
            match convert::movie_id(&format!("movie_ids[{index}]"), id) {
                Ok(id) => ids.push(id),
                Err(violation) => violations.push(violation),
            }
        }
        let ids = wire::valid(ids, violations)?;
        let now = self.clock.now();
        let movies = self.online.movies(ids, wire::as_of(request.as_of.as_ref(), now)?).await?;
        let movies: Vec<_> = movies.into_iter().map(|movie| wire::movie(&self.online, movie, now)).collect();
        let (count, answer) = (movies.len(), pb::GetMoviesResponse { movies });
        wire::check_answer("movie_ids", count, &answer)?;
        Ok(Response::new(answer))
    }

    async fn get_progress(
        &self,
        _: Request<pb::GetProgressRequest>,
    ) -> Result<Response<pb::GetProgressResponse>, Status> {
        let all = self.online.positions.all().await?;
        let partitions = all.into_iter().map(|applied| pb::PartitionProgress {
            partition: applied.partition.0,
            next_offset: applied.next.0,
            end_offset: applied.end.0,
        });
        Ok(Response::new(pb::GetProgressResponse { partitions: partitions.collect() }))
    }

    async fn list_views(&self, _: Request<pb::ListViewsRequest>) -> Result<Response<pb::ListViewsResponse>, Status> {
        Ok(Response::new(pb::ListViewsResponse { views: wire::views(&self.online.definition) }))
    }

    async fn get_features(
        &self,
        request: Request<pb::GetFeaturesRequest>,
    ) -> Result<Response<pb::GetFeaturesResponse>, Status> {
        let request = request.into_inner();
        wire::check_size("entities", request.entities.len(), MOST_ENTITIES)?;
        let columns = wire::columns(&self.online.definition, &request.features)?;
        let mut violations = Vec::new();
        let entity = |(index, entity): (usize, &pb::Entity)| {
            wire::entity(&entity.user_id, &entity.movie_id, &format!("entities[{index}]"), &mut violations)
        };
        let entities: Vec<Entity> = request.entities.iter().enumerate().map(entity).collect();
        let entities = wire::valid(entities, violations)?;
        let now = self.clock.now();
        let as_of = wire::as_of(request.as_of.as_ref(), now)?;
        let views = (has_view(&columns, View::User), has_view(&columns, View::Movie));
        let rows = self.online.features(entities, columns, as_of).await?;
        let rows = rows.into_iter().map(|features| wire::entity_features(&self.online, features, views, now));
        let rows: Vec<_> = rows.collect();
        let (count, answer) = (rows.len(), pb::GetFeaturesResponse { rows });
        wire::check_answer("entities", count, &answer)?;
        Ok(Response::new(answer))
    }
}

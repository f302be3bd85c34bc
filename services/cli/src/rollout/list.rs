//! `marquee rollout list`: the rollouts of all models in one table.

use marquee_proto::rollout::v1::{ListRolloutsRequest, RolloutFile};
use serde::Serialize;

use super::show::Rollout;
use crate::output::{Human, Show, Table};
use crate::{Client, Csv, Error, Output};

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct List(Vec<Rollout>);

pub(super) async fn run(client: &Client, output: Output) -> Result<(), Error> {
    let (list, files) = read(client).await?;
    output.show(&list)?;
    if list.0.is_empty() {
        output.footer("no rollouts yet: start one from a file with `marquee rollout start FILE`");
    }
    for file in files.iter().filter(|file| !file.error.is_empty()) {
        output.footer(&crate::error::one_line(&format!("rollout file {}: {}", file.name, file.error)));
    }
    Ok(())
}

/// Returns every rollout, and every rollout file of the controller that answers.
async fn read(client: &Client) -> Result<(List, Vec<RolloutFile>), Error> {
    let (mut rollouts, mut files, mut page_token) = (Vec::new(), Vec::new(), String::new());
    loop {
        let request = ListRolloutsRequest { page_token, ..ListRolloutsRequest::default() };
        let page = client.call(client.rollouts().list_rollouts(request)).await?;
        rollouts.extend(page.rollouts.into_iter().map(Rollout::from));
        files.extend(page.files);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok((List(rollouts), files));
        }
    }
}

impl Show for List {
    fn human(&self) -> Human {
        let mut table = Table::new(&["model", "phase", "step", ">stable", ">candidate", ">weight", "reason"]);
        for rollout in &self.0 {
            let (mut step, mut versions) = (String::new(), [String::new(), String::new()]);
            let mut weight = String::new();
            if let Ok((_, status)) = rollout.parts() {
                step = status.step.as_ref().map_or_else(String::new, |step| step.name.clone());
                versions = [status.stable, status.candidate]
                    .map(|version| version.map_or_else(String::new, |version| version.to_string()));
                weight = status.weights.wanted.to_string();
            }
            let [stable, candidate] = versions;
            let phase = if rollout.text("phase").is_empty() { "Pending" } else { rollout.text("phase") };
            let reason = rollout.text("reason").to_owned();
            table.row([rollout.model.clone(), phase.to_owned(), step, stable, candidate, weight, reason]);
        }
        Human::Table(Box::new(table))
    }

    fn csv(&self) -> Option<Csv> {
        const COLUMNS: [&str; 7] = [
            "model",
            "phase=status.phase",
            "step=status.step.name",
            "stable=status.stable",
            "candidate=status.candidate",
            "weight=status.weights.wanted",
            "reason=status.reason",
        ];
        Some(Csv::of(&COLUMNS, &self.0))
    }
}

#[cfg(test)]
mod tests {
    use marquee_proto::rollout::v1 as pb;
    use marquee_proto::rollout::v1::rollouts_server::{Rollouts, RolloutsServer};
    use tokio_stream::Empty;
    use tonic::service::Routes;
    use tonic::{Request, Response, Status};

    use super::*;
    use crate::testing::Server;

    /// A controller that answers one rollout or file a page.
    struct Pages;

    fn no<T>() -> Result<Response<T>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    #[tonic::async_trait]
    impl Rollouts for Pages {
        type WatchRolloutStream = Empty<Result<pb::WatchRolloutResponse, Status>>;

        async fn list_rollouts(
            &self,
            request: Request<ListRolloutsRequest>,
        ) -> Result<Response<pb::ListRolloutsResponse>, Status> {
            let rollout = |model: &str| vec![pb::Rollout { model: model.to_owned(), ..pb::Rollout::default() }];
            let file = |name: &str| vec![RolloutFile { name: name.to_owned(), ..RolloutFile::default() }];
            let (rollouts, files, next) = match request.get_ref().page_token.as_str() {
                "" => (rollout("books"), Vec::new(), "2"),
                "2" => (rollout("films"), Vec::new(), "3"),
                "3" => (Vec::new(), file("films.toml"), ""),
                other => return Err(Status::invalid_argument(other)),
            };
            Ok(Response::new(pb::ListRolloutsResponse { rollouts, files, next_page_token: next.to_owned() }))
        }

        async fn start_rollout(
            &self,
            _: Request<pb::StartRolloutRequest>,
        ) -> Result<Response<pb::StartRolloutResponse>, Status> {
            no()
        }

        async fn get_rollout(
            &self,
            _: Request<pb::GetRolloutRequest>,
        ) -> Result<Response<pb::GetRolloutResponse>, Status> {
            no()
        }

        async fn watch_rollout(
            &self,
            _: Request<pb::WatchRolloutRequest>,
        ) -> Result<Response<Self::WatchRolloutStream>, Status> {
            no()
        }

        async fn act_on_rollout(
            &self,
            _: Request<pb::ActOnRolloutRequest>,
        ) -> Result<Response<pb::ActOnRolloutResponse>, Status> {
            no()
        }

        async fn delete_rollout(
            &self,
            _: Request<pb::DeleteRolloutRequest>,
        ) -> Result<Response<pb::DeleteRolloutResponse>, Status> {
            no()
        }

        async fn get_rollout_history(
            &self,
            _: Request<pb::GetRolloutHistoryRequest>,
        ) -> Result<Response<pb::GetRolloutHistoryResponse>, Status> {
            no()
        }
    }

    #[tokio::test]
    async fn all_pages_are_read() {
        let server = Server::start(Routes::new(RolloutsServer::new(Pages))).await;
        let (list, files) = read(&server.client()).await.expect("three pages");
        assert_eq!(list.0.iter().map(|one| one.model.as_str()).collect::<Vec<_>>(), ["books", "films"]);
        assert_eq!(files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["films.toml"]);
    }
}

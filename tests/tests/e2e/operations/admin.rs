//! A listener of its own for what administers.

use anyhow::{Context, Result};
use bytes::Bytes;
use marquee_e2e::{Clients, Http};
use marquee_proto::prediction::v1::LoadModelRequest;
use marquee_proto::ratings::v1::Movie;
use tonic::Code;
use tonic::codegen::http::Method;

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_listener_takes_what_administers_from_the_others() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let settings =
        marquee::Settings { admin_listen: Some(([127, 0, 0, 1], 0).into()), ..marquee_e2e::settings(folder.path()) };
    let fleet = Box::pin(marquee::Fleet::start(settings, marquee::ROLES)).await?;
    fleet.ready().await?;
    let admin = format!("http://{}", fleet.admin_address().context("an admin listener")?);
    let (public_http, admin_http) = (Http::new(&format!("http://{}", fleet.http_address())), Http::new(&admin));
    let clients = [Clients::connect(&format!("http://{}", fleet.grpc_address()))?, Clients::connect(&admin)?];

    // Health checks, reads and data are answered at both.
    for (http, clients) in [&public_http, &admin_http].into_iter().zip(&clients) {
        assert_eq!(http.get("/readyz").await?.status, 200);
        assert_eq!(http.get("/v1/models").await?.status, 200);
        clients.add_movies(vec![Movie { movie_id: "m1".to_owned(), ..Movie::default() }]).await?;
        clients.rate("u", "m1", 4.0).await?;
    }
    // What administers is answered by the admin listener alone.
    let route = Bytes::from_static(b"{\"route\": {\"stable\": \"9\"}}");
    let set = async |http: &Http| http.send(Method::PUT, "/v1/routes/ratings", "application/json", route.clone()).await;
    let (public, own) = (set(&public_http).await?, set(&admin_http).await?);
    assert!(public.status == 403 && public.text().contains("admin_listen"), "{}", public.text());
    assert!(own.status == 400 && own.text().contains("version 9"), "{}", own.text());
    assert_eq!((public_http.get("/metrics").await?.status, admin_http.get("/metrics").await?.status), (403, 200));
    let load = LoadModelRequest { model: String::new(), version: 9 };
    let [public, own] = [&clients[0], &clients[1]].map(|clients| {
        let mut models = clients.models.clone();
        let load = load.clone();
        async move { models.load_model(load).await.expect_err("there is no version 9") }
    });
    let (public, own) = (public.await, own.await);
    assert!(public.code() == Code::PermissionDenied && public.message().contains("admin_listen"), "{public}");
    assert_eq!(own.code(), Code::FailedPrecondition, "{own}");
    fleet.shutdown().await;
    Ok(())
}

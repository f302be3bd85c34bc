//! The JSON API over HTTP: it answers what gRPC answers, and refuses in JSON whatever the reason.

use anyhow::Result;
use bytes::Bytes;
use marquee_e2e::wire::gzip;
use marquee_e2e::{Answer, Fleet, World};
use marquee_proto::prediction::v1::{ExplainRequest, ListModelsRequest, PredictRequest, RecommendRequest};
use marquee_proto::ratings::v1::{
    GetScaleRequest, ListMoviesRequest, Movie, Rating, SubmitRatingsRequest, UpsertMoviesRequest,
};
use marquee_proto::rollout::v1::GetRouteRequest;
use marquee_proto::training::v1::{Algorithm, Parameters};
use prost::Message;
use serde_json::{Value, json};
use tonic::codegen::http::{Method, header};

/// Content type of protobuf bodies.
const PROTOBUF: &str = "application/x-protobuf";

/// The document of a request that was granted.
#[track_caller]
fn granted(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().expect("JSON")
}

/// Returns a message as HTTP shows it. It passes through text like the answer, so that both are
/// rounded alike.
fn shown(message: &impl serde::Serialize) -> Value {
    serde_json::from_str(&serde_json::to_string(message).expect("messages are JSON")).expect("JSON reads back")
}

fn movie(id: &str) -> Movie {
    Movie { movie_id: id.to_owned(), title: format!("Title of {id}"), year: 1999, genres: vec!["Drama".to_owned()] }
}

fn rating(user: &str, movie: &str, rating: f64) -> Rating {
    Rating { user_id: user.to_owned(), movie_id: movie.to_owned(), rating: Some(rating), rated_at: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn ratings_and_movies_enter_over_http_as_they_do_over_grpc() -> Result<()> {
    let fleet = Fleet::start().await?;
    let (http, clients) = (fleet.http(), fleet.clients());
    let mut ratings = clients.ratings.clone();

    let scale = ratings.get_scale(GetScaleRequest {}).await?.into_inner();
    assert_eq!(granted(&http.get("/v1/scale").await?), shown(&scale));
    assert_eq!(shown(&scale), json!({"min": 1.0, "max": 5.0, "step": 1.0}));

    // Movies go in as JSON and as protobuf, and come out in pages.
    let body =
        json!({"movies": [{"movieId": "m1", "title": "One", "year": 1999, "genres": ["Drama"]}, {"movieId": "m 2/é"}]});
    let body = Bytes::from(body.to_string());
    let answer = http.send(Method::PUT, "/v1/movies", "application/json", body).await?;
    assert_eq!(granted(&answer), json!({"accepted": "2"}));
    let more = UpsertMoviesRequest { movies: vec![movie("m3"), movie("m4"), movie("m5")] };
    let answer = http.send(Method::PUT, "/v1/movies", PROTOBUF, more.encode_to_vec().into()).await?;
    assert_eq!(granted(&answer), json!({"accepted": "3"}));
    let (mut token, mut pages, mut listed) = (String::new(), 0, Vec::new());
    loop {
        let page = granted(&http.get(&format!("/v1/movies?pageSize=2&pageToken={}", encoded(&token))).await?);
        let request = ListMoviesRequest { page_size: 2, page_token: token.clone() };
        assert_eq!(page, shown(&ratings.list_movies(request).await?.into_inner()));
        let ids = page["movies"].as_array().expect("a page").iter().map(|movie| movie["movieId"].clone());
        listed.extend(ids);
        pages += 1;
        match page["nextPageToken"].as_str().expect("zeros are shown too") {
            "" => break,
            next => next.clone_into(&mut token),
        }
    }
    assert_eq!((json!(listed), pages), (json!(["m 2/é", "m1", "m3", "m4", "m5"]), 3));

    // One rating, one as protobuf, a batch, and a batch with a wrong one in it.
    let one = json!({"userId": "ann/é", "movieId": "m1", "rating": 4, "ratedAt": "2024-05-01T12:30:00.5Z"});
    let first = granted(&http.post("/v1/ratings", &one).await?);
    assert!(first["position"].is_object(), "{first}");
    let body = rating("ann/é", "m3", 2.0).encode_to_vec();
    granted(&http.send(Method::POST, "/v1/ratings", PROTOBUF, body.into()).await?);
    let batch = json!({"ratings": [
        {"userId": "ann/é", "movieId": "m4", "rating": 5},
        {"userId": "ann/é", "movieId": "nope", "rating": 5},
        {"userId": "bob", "movieId": "m4", "rating": 1},
    ]});
    let outcome = granted(&http.post("/v1/ratings/batch", &batch).await?);
    let given = ["ann/é", "ann/é", "bob"].into_iter().zip(["m4", "nope", "m4"]).zip([5.0, 5.0, 1.0]);
    let given = given.map(|((user, movie), value)| rating(user, movie, value)).collect();
    let mut same = clients.rate_all(given).await?;
    assert_eq!(outcome["rejected"], shown(&same)["rejected"]);
    assert_eq!((outcome["accepted"].as_str(), same.accepted), (Some("2"), 2));
    let body = SubmitRatingsRequest { ratings: vec![rating("bob", "m5", 3.0)] }.encode_to_vec();
    let last = granted(&http.send(Method::POST, "/v1/ratings/batch", PROTOBUF, body.into()).await?);
    same.positions.push(serde_json::from_value(last["positions"][0].clone())?);
    let ann = clients.user("ann/é", &same.positions).await?;
    let history: Vec<_> = ann.history.iter().map(|entry| (entry.movie_id.as_str(), entry.rating)).collect();
    assert_eq!(history.len(), 3, "{history:?}");
    assert!([("m1", 4.0), ("m3", 2.0), ("m4", 5.0)].iter().all(|pair| history.contains(pair)), "{history:?}");
    let at = ann.history.iter().find(|entry| entry.movie_id == "m1").and_then(|entry| entry.rated_at);
    assert_eq!(at.map(|at| (at.seconds, at.nanos)), Some((1_714_566_600, 500_000_000)));

    // One rating is taken back, then everything.
    let path = format!("/v1/users/{}/ratings/m3", encoded("ann/é"));
    let gone = granted(&http.send(Method::DELETE, &path, "", Bytes::new()).await?);
    let gone = serde_json::from_value(gone["position"].clone())?;
    assert_eq!(clients.user("ann/é", &[gone]).await?.history.len(), 2);
    let path = format!("/v1/users/{}", encoded("ann/é"));
    let gone = granted(&http.send(Method::DELETE, &path, "", Bytes::new()).await?);
    let gone = serde_json::from_value(gone["position"].clone())?;
    assert!(clients.user("ann/é", &[gone]).await?.history.is_empty());
    assert_eq!(clients.user("bob", &same.positions).await?.history.len(), 2, "others are not touched");
    fleet.stop().await;
    Ok(())
}

/// A part of a URL.
fn encoded(text: &str) -> String {
    let byte =
        |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(byte).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn predictions_models_and_routes_over_http_are_those_of_grpc() -> Result<()> {
    let world = World::new(30, 20, 21);
    let fleet = crate::spine::trained(&world, Algorithm::Map).await?;
    let (http, clients) = (fleet.http(), fleet.clients());
    clients.train(Algorithm::Bias, Parameters::default()).await?;
    let user = world.user(0);
    let position = clients.rate(&user, "movie-3", 2.0).await?;
    let after = vec![position];
    let (partition, offset) = (position.partition, position.offset.to_string());
    let after_json = json!([{"partition": partition, "offset": offset}]);

    let request = PredictRequest {
        user_id: user.clone(),
        movie_ids: vec!["movie-1".to_owned(), "nobody-knows".to_owned()],
        after: after.clone(),
        ..PredictRequest::default()
    };
    let asked = json!({"userId": user, "movieIds": ["movie-1", "nobody-knows"], "after": after_json});
    let predicted = granted(&http.post("/v1/predict", &asked).await?);
    assert_eq!(predicted, shown(&clients.predictions.clone().predict(request).await?.into_inner()));
    assert_eq!(predicted["provenance"]["features"]["applied"], shown(&position));

    let genres = vec!["Comedy".to_owned()];
    let request = RecommendRequest { user_id: user.clone(), limit: 4, genres, ..RecommendRequest::default() };
    let asked = json!({"userId": user, "limit": 4, "genres": ["Comedy"]});
    let recommended = granted(&http.post("/v1/recommend", &asked).await?);
    assert_eq!(recommended, shown(&clients.predictions.clone().recommend(request).await?.into_inner()));
    assert!(recommended["recommendations"].as_array().is_some_and(|list| !list.is_empty()), "{recommended}");

    let movie_id = "movie-2".to_owned();
    let request = ExplainRequest { user_id: user.clone(), movie_id, limit: 2, ..ExplainRequest::default() };
    let asked = json!({"userId": user, "movieId": "movie-2", "limit": 2});
    let explained = granted(&http.post("/v1/explain", &asked).await?);
    assert_eq!(explained, shown(&clients.predictions.clone().explain(request).await?.into_inner()));
    assert_eq!(explained["reasons"].as_array().map(Vec::len), Some(2));

    let models = granted(&http.get("/v1/models").await?);
    let request = ListModelsRequest::default();
    assert_eq!(models, shown(&clients.models.clone().list_models(request).await?.into_inner()));
    let versions: Vec<_> = models["versions"].as_array().expect("versions").iter().map(|one| &one["version"]).collect();
    assert_eq!(versions, ["1", "2"]);

    let request = GetRouteRequest { model: "ratings".to_owned() };
    let route = granted(&http.get("/v1/routes/ratings").await?);
    assert_eq!(route, shown(&clients.routing.clone().get_route(request.clone()).await?.into_inner()));
    let wanted =
        json!({"route": {"stable": "1", "candidates": [{"version": "2", "weight": 2500}]}, "expectedRevision": "1"});
    let put = |body: Value| {
        let http = http.clone();
        async move {
            let body = Bytes::from(body.to_string());
            http.send(Method::PUT, "/v1/routes/ratings", "application/json", body).await
        }
    };
    let set = granted(&put(wanted.clone()).await?);
    assert_eq!(set["route"]["candidates"], wanted["route"]["candidates"], "{set}");
    assert_eq!(set, shown(&clients.routing.clone().get_route(request).await?.into_inner()));

    let status = granted(&http.get("/v1/routing/status").await?);
    let model = &status["status"]["models"][0];
    assert_eq!((&model["wanted"], &model["effective"]), (&set["route"], &set["route"]));
    assert_eq!(model["versions"][1]["state"], "VERSION_STATE_WARM");

    // The second editor is told so, and so is a caller that asks for a route that does not exist.
    let message = refused(&put(wanted).await?, 409, "ABORTED", None);
    assert!(message.contains("read it and decide again"), "{message}");
    refused(&put(json!({"route": {"stable": "9"}})).await?, 400, "FAILED_PRECONDITION", None);
    refused(&put(json!({})).await?, 400, "INVALID_ARGUMENT", Some(("route", "MISSING")));
    refused(&http.get("/v1/routes/other").await?, 404, "NOT_FOUND", None);
    let asked = json!({"userId": user, "movieIds": ["movie-1"], "model": "other"});
    refused(&http.post("/v1/predict", &asked).await?, 404, "NOT_FOUND", None);
    let none = json!({"userId": user, "movieIds": []});
    refused(&http.post("/v1/predict", &none).await?, 400, "INVALID_ARGUMENT", Some(("movie_ids", "EMPTY")));
    let nowhere = json!({"userId": user, "movieIds": ["movie-1"], "after": [{"partition": 99, "offset": "0"}]});
    let wrong = Some(("after[0].partition", "OUT_OF_RANGE"));
    refused(&http.post("/v1/predict", &nowhere).await?, 400, "INVALID_ARGUMENT", wrong);
    let many = json!({"userId": user, "movieIds": vec!["movie-1"; 1_001]});
    let wrong = Some(("movie_ids", "TOO_MANY"));
    refused(&http.post("/v1/predict", &many).await?, 400, "INVALID_ARGUMENT", wrong);
    let nobody = json!({"movieId": "movie-1"});
    let wrong = Some(("user_id", "EMPTY"));
    refused(&http.post("/v1/explain", &nobody).await?, 400, "INVALID_ARGUMENT", wrong);
    fleet.stop().await;
    Ok(())
}

/// Checks a refusal and gives its message.
#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str, violation: Option<(&str, &str)>) -> String {
    let json = answer.json().expect("refusals are JSON");
    assert_eq!((answer.status, json["error"]["code"].as_str()), (status, Some(code)), "{json}");
    let content_type = answer.headers.get("content-type").and_then(|value| value.to_str().ok());
    assert_eq!(content_type, Some("application/json"));
    let first = &json["error"]["violations"][0];
    let named = first["field"].as_str().zip(first["reason"].as_str());
    assert_eq!(named, violation, "{json}");
    assert!(violation.is_none() || first["description"].as_str().is_some_and(|text| !text.is_empty()), "{json}");
    json["error"]["message"].as_str().expect("a message").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_request_the_answer_is_json_that_says_so() -> Result<()> {
    let fleet = Fleet::start().await?;
    let http = fleet.http();
    fleet.clients().add_movies(vec![movie("m1")]).await?;
    let json = |value: Value| ("application/json", Bytes::from(value.to_string()));
    let text = |text: &str| ("application/json", Bytes::from(text.to_owned()));
    let empty = || ("", Bytes::new());
    let large = |limit: usize| ("application/json", Bytes::from(vec![b' '; limit + 1]));
    let good = json!({"userId": "u", "movieId": "m1", "rating": 4});
    let with = |field: &str, value: Value| {
        let mut changed = good.clone();
        changed[field] = value;
        json(changed)
    };
    let (get, put, post, delete) = (Method::GET, Method::PUT, Method::POST, Method::DELETE);
    let long = format!("/v1/users/{}", "x".repeat(129));
    let invalid = "INVALID_ARGUMENT";
    let malformed = Some(("body", "MALFORMED"));
    let untyped = Some(("content-type", "MALFORMED"));
    type Case<'a> = (&'a Method, &'a str, (&'a str, Bytes), u16, &'a str, Option<(&'a str, &'a str)>, &'a str);
    let cases: Vec<Case<'_>> = vec![
        // Values that are wrong, by the name of the field.
        (&post, "/v1/ratings", with("rating", json!(9)), 400, invalid, Some(("rating", "OFF_SCALE")), "from 1 to 5"),
        (&post, "/v1/ratings", with("rating", json!("NaN")), 400, invalid, Some(("rating", "NOT_A_NUMBER")), "number"),
        (&post, "/v1/ratings", with("movieId", json!("m9")), 400, invalid, Some(("movie_id", "UNKNOWN_MOVIE")), "'m9'"),
        (&post, "/v1/ratings", json(json!({})), 400, invalid, Some(("user_id", "EMPTY")), "movie_id is empty"),
        (&post, "/v1/ratings", with("rating", Value::Null), 400, invalid, Some(("rating", "MISSING")), "from 1 to 5"),
        (&delete, &long, empty(), 400, invalid, Some(("user_id", "TOO_LONG")), "128"),
        (&delete, "/v1/users/u/ratings/%0A", empty(), 400, invalid, Some(("movie_id", "CONTROL_CHARACTER")), "control"),
        (&get, "/v1/movies?pageSize=10001", empty(), 400, invalid, Some(("page_size", "TOO_MANY")), "10000"),
        // Names and shapes that are wrong.
        (&post, "/v1/ratings", with("stars", json!(4)), 400, invalid, malformed, "unknown field `stars`"),
        (&post, "/v1/ratings", with("rating", json!("four")), 400, invalid, malformed, "float"),
        (
            &post,
            "/v1/ratings",
            with("ratedAt", json!("yesterday")),
            400,
            invalid,
            malformed,
            "valid JSON for this request",
        ),
        (&post, "/v1/ratings", text("{\"userId\":"), 400, invalid, malformed, "EOF"),
        (&post, "/v1/ratings", text(""), 400, invalid, malformed, "EOF"),
        (&post, "/v1/ratings", empty(), 415, invalid, untyped, "is missing; expected application/json"),
        (&post, "/v1/predict", ("text/plain", Bytes::from_static(b"{}")), 415, invalid, untyped, "'text/plain'"),
        (&post, "/v1/predict", (PROTOBUF, Bytes::new()), 415, invalid, untyped, "expected application/json"),
        (
            &post,
            "/v1/ratings",
            (PROTOBUF, Bytes::from_static(&[0xff; 9])),
            400,
            invalid,
            malformed,
            "does not decode as the protobuf message",
        ),
        (&post, "/v1/ratings/batch", text("[]"), 400, invalid, malformed, "valid JSON for this request"),
        (&put, "/v1/movies", json(json!({"movie": []})), 400, invalid, malformed, "unknown field `movie`"),
        (&post, "/v1/predict", json(json!({"user": "u"})), 400, invalid, malformed, "unknown field `user`"),
        (&post, "/v1/recommend", json(json!({"limit": -1})), 400, invalid, malformed, "check names and values"),
        (&post, "/v1/explain", text("\u{0}"), 400, invalid, malformed, "valid JSON for this request"),
        (&put, "/v1/routes/ratings", json(json!({"routes": {}})), 400, invalid, malformed, "unknown field `routes`"),
        (&get, "/v1/movies?pageSize=two", empty(), 400, invalid, Some(("request", "MALFORMED")), "pageSize"),
        (&get, "/v1/movies?size=2", empty(), 400, invalid, Some(("request", "MALFORMED")), "unknown field `size`"),
        (&delete, "/v1/users/%ff", empty(), 400, invalid, Some(("request", "MALFORMED")), "UTF-8"),
        // Places and ways that are wrong.
        (&get, "/v1/nope", empty(), 404, "NOT_FOUND", None, "'/v1/nope'"),
        (&get, "/", empty(), 404, "NOT_FOUND", None, "check the path"),
        (&get, "/v1/ratings", empty(), 405, invalid, None, "does not accept GET"),
        (&post, "/v1/scale", json(json!({})), 405, invalid, None, "does not accept POST"),
        (&delete, "/v1/routes/ratings", empty(), 405, invalid, None, "does not accept DELETE"),
        // More than is read.
        (&post, "/v1/predict", large(4 << 20), 413, invalid, Some(("body", "TOO_LONG")), "send less at once"),
        (&post, "/v1/ratings", large(16 << 20), 413, invalid, Some(("body", "TOO_LONG")), "send less at once"),
    ];
    for (method, path, (content_type, body), status, code, violation, part) in cases {
        let answer = http.send(method.clone(), path, content_type, body).await?;
        let message = refused(&answer, status, code, violation);
        assert!(message.contains(part), "{method} {path}: {message}");
    }
    let answer = http.get("/v1/ratings").await?;
    assert_eq!(answer.headers["allow"], "POST");

    // None of it did any harm.
    granted(&http.post("/v1/ratings", &good).await?);
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_model_a_prediction_is_refused_with_what_helps() -> Result<()> {
    let fleet = Fleet::start().await?;
    let answer = fleet.http().post("/v1/predict", &json!({"userId": "u", "movieIds": ["m"]})).await?;
    let message = refused(&answer, 404, "NOT_FOUND", None);
    assert!(message.contains("train one"), "{message}");
    assert_eq!(granted(&fleet.http().get("/v1/models").await?), json!({"versions": [], "nextPageToken": ""}));
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn zeros_and_times_are_shown_as_proto3_says() -> Result<()> {
    let fleet = Fleet::start().await?;
    let http = fleet.http();
    fleet.clients().add_movies(vec![movie("m1")]).await?;
    let batch = json!({"ratings": [{"userId": "u", "movieId": "nope", "rating": 9}, {"userId": "u", "movieId": "m1", "rating": 4}]});
    let outcome = granted(&http.post("/v1/ratings/batch", &batch).await?);
    assert_eq!(outcome["rejected"][0]["index"], 0, "{outcome}");
    let reasons: Vec<_> =
        outcome["rejected"][0]["violations"].as_array().expect("a list").iter().map(|one| &one["reason"]).collect();
    assert_eq!(reasons, ["OFF_SCALE", "UNKNOWN_MOVIE"], "both are named");
    assert!(outcome["positions"][0]["partition"].is_number() && outcome["positions"][0]["offset"].is_string());
    let time: marquee_proto::Timestamp = serde_json::from_value(json!("2024-05-01T14:30:00+02:00"))?;
    assert_eq!(shown(&time), json!("2024-05-01T12:30:00Z"));
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_bodies_count_and_others_are_refused_by_name() -> Result<()> {
    let fleet = Fleet::start().await?;
    let http = fleet.http();
    fleet.clients().add_movies(vec![movie("m1")]).await?;
    let ratings: Vec<_> =
        (0..200).map(|user| json!({"userId": user.to_string(), "movieId": "m1", "rating": 4})).collect();
    let batch = json!({"ratings": ratings}).to_string();
    let send = |encoding: &'static str, body: Bytes| {
        let http = http.clone();
        let headers = [(header::CONTENT_TYPE, "application/json"), (header::CONTENT_ENCODING, encoding)];
        async move { http.send_with(Method::POST, "/v1/ratings/batch", &headers, body).await }
    };
    let answer = send("gzip", gzip(batch.as_bytes())?).await?;
    assert_eq!(granted(&answer)["accepted"], "200");
    let bomb = send("gzip", gzip(&vec![b' '; (16 << 20) + 1])?).await?;
    refused(&bomb, 413, "INVALID_ARGUMENT", Some(("body", "TOO_LONG")));
    let other = send("br", Bytes::from(batch)).await?;
    let message = refused(&other, 415, "INVALID_ARGUMENT", Some(("content-encoding", "MALFORMED")));
    assert!(message.contains("expected gzip, deflate, zstd or none"), "{message}");
    fleet.stop().await;
    Ok(())
}

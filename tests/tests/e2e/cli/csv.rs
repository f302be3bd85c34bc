//! Tables as CSV: for spreadsheets and data frames.

use anyhow::Result;
use marquee_e2e::World;
use marquee_proto::ratings::v1::Movie;
use marquee_proto::training::v1::Algorithm;

use super::{Cli, fails, run_with};

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_print_a_table_print_it_as_csv_too() -> Result<()> {
    let world = World::new(30, 20, 33);
    let fleet = crate::spine::trained(&world, Algorithm::Map).await?;
    let title = "Heat, \"uncut\"".to_owned();
    fleet.clients().add_movies(vec![Movie { movie_id: "heat".to_owned(), title, ..Movie::default() }]).await?;
    let cli = Cli::of(&fleet)?;
    let user = world.user(0);
    let user = user.as_str();
    let cases: [(&[&str], &str); 11] = [
        (&["recommend", user, "-n", "2"], "movie,title,year,genres,rating,spread,user,model,version,variant"),
        (&["predict", user, "movie-4"], "movie,title,rating,spread,unknown_movie,user,model,version,variant"),
        (&["explain", user, "movie-4"], "effect,movie,title,rating,rated_at,user,predicted_movie,prediction"),
        (&["models"], "model,version,state,reason,algorithm,rmse,mae,weight"),
        (&["duel"], "stable,other,slice,ratings,failures,stable_rmse,other_rmse,difference,lower,upper"),
        (&["features", "list"], "feature,key,kind,window_days,description"),
        (&["features", "show", "--user", user], "feature,value,user,movie,user_event_time,movie_event_time"),
        (&["features", "check"], "feature,id,served,replayed,partition,offset"),
        (&["train", "list"], "id,model,algorithm,state,stage,progress,version,rmse,mae"),
        (&["route", "show"], "variant,version,weight,model,revision,salt"),
        (&["rollout", "list"], "model,phase,step,stable,candidate,weight,reason"),
    ];
    for (arguments, header) in cases {
        let text = cli.text(&[arguments, &["--csv"]].concat()).await?;
        assert!(text.starts_with(header) && text.ends_with("\r\n"), "{arguments:?}: {text}");
        let text = cli.text(&[&["--csv"][..], arguments].concat()).await?;
        assert!(text.starts_with(header), "the flag may be before the command: {text}");
    }

    // Values are those of the JSON, and a title with a comma and quotes is one cell.
    let text = cli.text(&["predict", user, "heat", "--csv"]).await?;
    let shown = cli.json(&["predict", user, "heat"]).await?;
    let (rating, spread) = (&shown["predictions"][0]["rating"], &shown["predictions"][0]["spread"]);
    let expected = format!("heat,\"Heat, \"\"uncut\"\"\",{rating},{spread},true,{user},ratings,1,stable");
    assert_eq!(text.lines().nth(1), Some(expected.as_str()));
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_is_refused_where_there_is_no_table_and_beside_json() -> Result<()> {
    // No fleet is called: a rating must not be sent before the refusal.
    let cases: [(&[&str], &str); 4] = [
        (&["models", "--csv", "--json"], "'--json'"),
        (&["--json", "route", "show", "--csv"], "'--json'"),
        (&["rate", "ann", "m", "4", "--csv"], "`rate`"),
        (&["config", "--csv"], "`config`"),
    ];
    for (arguments, part) in cases {
        fails(&run_with(&[], arguments).await?, 64, &["--csv", part]);
    }
    Ok(())
}

//! The pages that people look at, in a browser: on a phone, on a desk, without a network.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use marquee_e2e::marquee;
use marquee_e2e::servers::{Chromium, or_skip};

const PROGRAM: &str = env!("CARGO_BIN_EXE_marquee-under-test");

/// The most bytes of a page.
const LARGEST: u64 = 1 << 20;

/// The widths of a phone and of a screen, in pixels.
const WIDTHS: [u32; 2] = [390, 1_400];

/// Writes ratings of 60 users over some weeks.
fn ratings(folder: &Path) -> Result<PathBuf> {
    let mut text = "userId,movieId,rating,timestamp\n".to_owned();
    for user in 0..60_u32 {
        for movie in (0..40_u32).filter(|movie| (movie * 7 + user * 3) % 5 < 3) {
            let stars = 1 + (user * 7 + movie * 5 + user * movie) % 5;
            let time = 1_000_000_000 + user * 40_000 + movie * 900;
            text.push_str(&format!("u{user},m{movie},{stars},{time}\n"));
        }
    }
    let file = folder.join("ratings.csv");
    std::fs::write(&file, text)?;
    Ok(file)
}

/// Runs the program and checks that it succeeds.
async fn run(arguments: &[&str]) -> Result<()> {
    let output = marquee(PROGRAM, arguments).await?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Checks that a page is complete in itself, small, and readable at every width.
async fn check(browser: &Chromium, page: &Path) -> Result<()> {
    let name = page.display();
    let size = std::fs::metadata(page).with_context(|| format!("{name}"))?.len();
    assert!(size < LARGEST, "{name} has {size} bytes");
    let text = std::fs::read_to_string(page)?;
    for foreign in ["src=\"http", "href=\"http", "src=\"//", "url(http", "@import"] {
        assert!(!text.contains(foreign), "{name} loads something: {foreign}");
    }
    for width in WIDTHS {
        let seen = browser.open(page, width).await.with_context(|| format!("{name}, {width} pixels"))?;
        println!("{name}: {seen:?}");
        assert_eq!(seen.width, f64::from(width), "{name}");
        assert!(seen.scroll_width <= seen.width, "{name} is wider than {width} pixels: {seen:?}");
        assert_eq!(seen.errors, 0, "{name}");
        assert!(seen.pictures > 0 && seen.tables > 0 && seen.text > 500, "{name}: {seen:?}");
    }
    Ok(())
}

#[tokio::test]
async fn pages_are_readable_on_a_phone_and_on_a_screen_without_a_network() -> Result<()> {
    let Some(browser) = or_skip(Chromium::find())? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let file = ratings(folder.path())?;
    let place = |name: &str| folder.path().join(name);
    let text = |path: &Path| path.display().to_string();
    let (set, explored, judged, tuned) = (text(&file), place("explored.html"), place("judged"), place("tuned"));

    run(&["explore", &set, "--page", &text(&explored)]).await?;
    let quick = ["--algorithm", "bayes", "--seeds", "1"];
    run(&[&["evaluate", &set, "--report", &text(&judged)][..], &quick].concat()).await?;
    run(&["tune", &set, "--trials", "4", "--out", &text(&tuned)]).await?;
    for page in [explored, judged.join("report.html"), tuned.join("report.html")] {
        check(&browser, &page).await?;
    }
    Ok(())
}

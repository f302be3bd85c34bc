//! A browser that opens pages without a screen, to see them as people do.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

use super::prepared;
use crate::DEADLINE;

/// What is added to the end of a page: it notes what the page has become in an attribute of the
/// document around it.
const LOOK: &str = r"<script>addEventListener('load', () => {
    const shown = all => [...document.querySelectorAll(all)].filter(one => one.getBoundingClientRect().width > 0);
    const wide = document.documentElement.scrollWidth;
    parent.document.documentElement.dataset.seen = JSON.stringify({
        width: innerWidth, scroll_width: wide, errors: window.failures,
        pictures: shown('svg, img').length, tables: shown('table').length, text: document.body.innerText.length,
    });
});</script>";

/// What is added behind its first tag.
const LISTEN: &str = "<script>window.failures = 0; for (const kind of ['error', 'unhandledrejection'])
    addEventListener(kind, () => window.failures++, true);</script>";

/// A page as it is seen.
#[derive(Debug, Clone, Deserialize)]
pub struct Seen {
    /// Width of the frame, in pixels.
    pub width: f64,
    /// Width of the content. It is larger than that of the frame if a reader must scroll sideways.
    pub scroll_width: f64,
    /// Scripts that failed, and files that could not be loaded.
    pub errors: u32,
    /// Pictures that take room.
    pub pictures: usize,
    /// Tables that take room.
    pub tables: usize,
    /// Characters that a reader sees.
    pub text: usize,
}

/// A browser, with a folder of its own for what it remembers.
#[derive(Debug)]
pub struct Chromium {
    program: PathBuf,
    profile: TempDir,
}

impl Chromium {
    /// Finds the browser.
    ///
    /// # Errors
    /// [`super::Missing`], if `make servers` has not prepared it.
    pub fn find() -> Result<Self> {
        Ok(Self { program: prepared("chromium", "chromium")?.join("chromium"), profile: tempfile::tempdir()? })
    }

    /// Opens a page in a frame of this width in pixels.
    ///
    /// # Errors
    /// The page is no document, or the browser fails or does not end in time.
    pub async fn open(&self, page: &Path, width: u32) -> Result<Seen> {
        let text = std::fs::read_to_string(page).with_context(|| format!("read {}", page.display()))?;
        let (start, rest) = text.split_once('>').context("the page is no document")?;
        let copy = self.profile.path().join("page.html");
        // A window cannot be as narrow as a phone, but a frame can.
        let page = format!("{start}>{LISTEN}{rest}{LOOK}").replace('&', "&amp;").replace('"', "&quot;");
        let frame = format!("<iframe style='border: 0; width: {width}px; height: 900px' srcdoc=\"{page}\"></iframe>");
        std::fs::write(&copy, format!("<!doctype html><meta charset=utf-8>{frame}"))?;
        let mut command = Command::new(&self.program);
        // Chromium refuses to run as root with its sandbox. The page is ours.
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
        // Whatever a page wants from elsewhere fails, and is counted.
        command.arg("--host-resolver-rules=MAP * ~NOTFOUND");
        command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
        command.arg(format!("--user-data-dir={}", self.profile.path().join("profile").display()));
        command.arg(format!("--window-size={},1000", width + 100)).arg("--dump-dom");
        command.arg(format!("file://{}", copy.display()));
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
        let output = timeout(DEADLINE, output).await.context("the browser did not end")?.context("run the browser")?;
        let (page, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "the browser failed: {errors}");
        let (_, seen) =
            page.split_once(" data-seen=\"").with_context(|| format!("the page was not loaded: {errors}"))?;
        let seen = seen.split('"').next().unwrap_or_default().replace("&quot;", "\"");
        serde_json::from_str(&seen).with_context(|| format!("what was seen: {seen}"))
    }
}

//! A page, looked at in a real browser: at the widths of a phone, a tablet and a desk, light and dark.
//!
//! `look.js` stands in a copy of the page and tells what is wrong; `frames.html` has a window for each width and colour. Fonts differ from
//! machine to machine, so no picture is compared with another one: but one has to be there, and not blank.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SCRIPT: &str = include_str!("look.js");
const FRAMES: &str = include_str!("frames.html");

/// What the page answers, by the names of its sections, in their order.
pub const ANSWERS: [&str; 4] = ["stack", "memory", "traffic", "pauses"];

/// A phone, a tablet, a desk: width and height of the window, in pixels.
const WINDOWS: [(u32, u32); 3] = [(390, 844), (820, 1180), (1440, 900)];

/// A browser that takes longer than this on the busiest machine is stuck.
const PATIENCE: Duration = Duration::from_secs(240);

/// The browser, if one is on this machine.
pub fn browser() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&folders).collect();
    names.iter().flat_map(|name| folders.iter().map(move |f| f.join(name))).find(|f| f.is_file())
}

/// Looks at the page at `page`, which has sections of these names, each with an answer, a plot and a table. Returns what is wrong, or
/// `None`, and says so, where there is no browser.
pub fn look(page: &Path, answers: &[&str]) -> Option<Vec<String>> {
    let Some(browser) = browser() else {
        println!(
            "SKIPPED: nobody looked at the page: there is no chromium (Debian: apt-get install chromium)"
        );
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(page).unwrap();
    let (before, after) = text.rsplit_once("</body>").expect("a page has an end");
    let copy = format!("{before}<script>{SCRIPT}</script></body>{after}");
    fs::write(folder.path().join("copy.html"), copy).unwrap();
    fs::write(folder.path().join("frames.html"), FRAMES).unwrap();
    fs::write(folder.path().join("blank.html"), "<!DOCTYPE html><title>blank</title>").unwrap();

    let mut frames = Vec::new();
    for (width, height) in WINDOWS {
        for scheme in ["light", "dark"] {
            frames.push(format!("{width}~{height}~{scheme}~answers={}", answers.join(",")));
        }
    }
    // The switch wins over what the window asks for.
    frames.push("820~200~light~switch=dark".into());
    frames.push("820~200~dark~switch=light".into());
    let count = frames.len();
    let frames = frames.join(" ").replace('=', "%3D").replace('~', "%7E").replace(' ', "%20");
    let (told, picture) = shown(&browser, folder.path(), &format!("frames.html?frames={frames}"));
    let (_, blank) = shown(&browser, folder.path(), "blank.html");
    let told =
        told.split_once("hidden=\"hidden\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let told =
        told.map(|(told, _)| told.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"));
    let told: Vec<Value> = serde_json::from_str(&told.unwrap_or_default()).unwrap_or_default();

    let mut wrong = Vec::new();
    if told.len() != count {
        wrong.push(format!("{} of {count} windows told how they look", told.len()));
    }
    // What is drawn takes more room in a picture than nothing does.
    if picture < 4 * blank || blank == 0 {
        wrong.push(format!("the picture is blank: {picture} bytes, and {blank} of a blank page"));
    }
    for window in &told {
        let name = window["window"].as_str().unwrap_or_default();
        let width = &window["width"];
        let all = window["wrong"].as_array().cloned().unwrap_or_default();
        let what = |it: Value| format!("{width} wide, {name}: {}", it.as_str().unwrap_or("?"));
        wrong.extend(all.into_iter().map(what));
    }
    wrong.extend(same_colours(&told));
    Some(wrong)
}

/// Light and dark windows have other backgrounds, and so has the switch.
fn same_colours(told: &[Value]) -> Option<String> {
    let back = |window: &Value| window["back"].as_str().unwrap_or_default().to_owned();
    let mut backs: Vec<_> = told.iter().map(back).collect();
    let all = backs.len();
    backs.sort();
    let count = |group: &[String]| group.len();
    let groups: Vec<usize> = backs.chunk_by(|a, b| a == b).map(count).collect();
    (groups != [all / 2, all - all / 2]).then(|| format!("the colours of the windows: {backs:?}"))
}

/// Has a page shown: its text when all has run, and how large its picture is, in bytes.
fn shown(browser: &Path, folder: &Path, page: &str) -> (String, u64) {
    let (picture, text) = (folder.join("picture.png"), folder.join("text"));
    let _ = fs::remove_file(&picture);
    let mut command = Command::new(browser);
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--dump-dom",
        ])
        .args(["--window-size=2700,3200", "--virtual-time-budget=10000", "--hide-scrollbars"])
        .args(["--no-first-run", "--disable-background-networking", "--disable-extensions"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!("file://{}/{page}", folder.display()))
        .stdin(Stdio::null())
        .stdout(fs::File::create(&text).unwrap())
        .stderr(Stdio::null());
    let mut child = command.spawn().expect("a browser starts");
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the browser did not end within {} s", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let size = picture.metadata().map_or(0, |metadata| metadata.len());
    (fs::read_to_string(&text).unwrap_or_default(), size)
}

#[test]
fn the_page_can_be_read_and_a_broken_one_is_found_out() {
    let (folder, one, three) = crate::traces();
    let page = folder.path().join("r.html");
    let options = ["--quick", "--only", "system,strata,mimalloc", "--output", crate::path(&page)];
    crate::works(&[&["compare", crate::path(&one), crate::path(&three)][..], &options].concat());
    let Some(wrong) = look(&page, &ANSWERS) else { return };
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let text = fs::read_to_string(&page).unwrap();
    let broken = [
        // One mistake each, in the style or in what stands there.
        ("</main>", "<p style=\"width: 1500px\">wide</p></main>", "scrolls sideways"),
        ("<section id=\"traffic\">", "<section>", "no section traffic"),
        ("</main>", "<p style=\"font-size: 7px\">small</p></main>", "text of 7.0 px: small"),
        (
            "</main>",
            "<p>under</p><p style=\"margin-top: -40px\">over</p></main>",
            "overlap: over / under",
        ),
        ("</main>", "<p style=\"color: #888\">pale</p></main>", "contrast"),
        ("class=\"answer\"", "class=\"none\"", "stack: no answer"),
    ];
    let all = broken.iter().fold(text, |text, (from, to, _)| {
        assert!(text.contains(from), "no {from} on the page");
        text.replace(from, to)
    });
    fs::write(&page, all).unwrap();
    let wrong = look(&page, &ANSWERS).unwrap_or_default().join("\n");
    for (.., what) in broken {
        assert!(wrong.contains(what), "not found out: {what}; but:\n{wrong}");
    }
}

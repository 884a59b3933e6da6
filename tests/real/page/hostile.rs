//! Texts that want to be more than texts.

use super::browser::{Browser, Window};
use super::{Knob, Site, one, wait_for_sentence, wait_until_live};

const SCRIPT: &str = "</h1><script>document.title='owned';alert(1)</script>\
     <img src=//evil.invalid/x onerror=alert(2)><svg onload=alert(3)>\
     <style>*{display:none}</style><a href=javascript:alert(4)>x</a><iframe src=//evil.invalid>";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium"]
async fn a_script_in_the_text_of_a_check_stays_inert_also_when_it_comes_live() {
    let knob = Knob::passing();
    knob.fail(SCRIPT);
    let builder = one(&knob)
        .service_id(SCRIPT)
        .environment(SCRIPT)
        .note(SCRIPT)
        .link("javascript", "javascript:alert(5)")
        .link("runbook", "https://wiki.example/\" onclick=\"alert(6)");
    let site = Site::start(builder);
    let mut browser = Browser::open(&site.url);
    wait_until_live(&mut browser);
    assert_inert(&mut browser, &site);
    knob.fail(&format!("again {SCRIPT}"));
    browser.wait("document.querySelector('tbody .output').innerText.startsWith('again ')");
    assert_inert(&mut browser, &site);
}

#[track_caller]
fn assert_inert(browser: &mut Browser, site: &Site) {
    let elements =
        "document.querySelectorAll('#page :is(script, img, iframe, style, [onload], [onclick])')";
    assert_eq!(browser.number(&format!("{elements}.length")), 0);
    assert!(
        browser
            .text("document.querySelector('tbody').innerText")
            .contains("<script>")
    );
    assert!(
        browser
            .text("document.title")
            .starts_with("✕ Not ready · </h1><script>")
    );
    let links =
        "[...document.querySelectorAll('a')].filter(a => !/^https?:$/.test(a.protocol)).length";
    assert_eq!(browser.number(links), 0);
    browser.assert_well_behaved(&site.url);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium"]
async fn a_text_that_would_turn_or_hide_is_shown_as_it_was_written() {
    let knob = Knob::passing();
    knob.fail("refused \u{202e}yadot ton\u{202c}\u{200b}\u{0}\nReady: all checks pass");
    let site = Site::start(one(&knob));
    let mut browser = Browser::open(&site.url);
    wait_for_sentence(&mut browser, "Not ready");
    let output = browser.text("document.querySelector('tbody .output').innerText");
    assert_eq!(
        output,
        "refused \\u{202e}yadot ton\\u{202c}\\u{200b}\\u{0}\\nReady: all checks pass"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium"]
async fn the_policy_stops_what_escaping_would_miss() {
    let site = Site::start(one(&Knob::passing()));
    let mut browser = Browser::open_in(Window::default(), &site.url);
    wait_until_live(&mut browser);
    // As if markup had come through: the browser refuses to run or to fetch any of it.
    let evil = "<img src='https://evil.invalid/x' onerror='globalThis.owned = 1'>\
        <svg onload='globalThis.owned = 2'></svg><p style='color: red' id=evil>x</p>";
    browser.get(&format!(
        "document.getElementById('page').insertAdjacentHTML('beforeend', `{evil}`)"
    ));
    browser.get("document.body.append(Object.assign(document.createElement('script'), {text: 'owned = 3'}))");
    browser.wait("document.querySelector('img').complete");
    assert!(browser.get("globalThis.owned ?? null").is_null());
    assert!(
        browser
            .get("fetch('https://evil.invalid/').then(() => 1, () => null)")
            .is_null()
    );
    let violations = browser.log()["violations"].as_array().unwrap().len();
    assert!(violations >= 4, "{violations}");
}

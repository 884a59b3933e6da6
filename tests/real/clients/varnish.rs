//! Varnish's backend probe, which knows no other healthy code than 200.

use tower_health::Status;

use super::process::{Daemon, Files, program, run};
use super::site::Site;

fn start(site: &Site) -> Daemon {
    let files = Files::new();
    let backend = |name: &str, path: &str| {
        format!(
            r#"
backend {name} {{
    .host = "{host}";
    .port = "{port}";
    .probe = {{
        .url = "{path}";
        .interval = 100ms;
        .timeout = 5s;
        .window = 1;
        .threshold = 1;
        .initial = 0;
    }}
}}
"#,
            host = site.address.ip(),
            port = site.address.port(),
        )
    };
    let (ready, live) = (backend("ready", "/readyz"), backend("live", "/livez"));
    // Varnish refuses a backend that nothing uses.
    let vcl = format!(
        "vcl 4.1;\n{ready}{live}\n\
         sub vcl_recv {{ set req.backend_hint = live; set req.backend_hint = ready; }}\n"
    );
    let vcl = files.write("site.vcl", &vcl);
    let mut varnish = program("varnishd");
    varnish.arg("-F").arg("-n").arg(files.path("work"));
    // By default it looks up the address of `localhost`, which not every machine knows.
    varnish.args(["-T", "127.0.0.1:0"]).arg("-f").arg(vcl);
    let socket = files.path("socket");
    varnish.args(["-a", socket.to_str().unwrap(), "-s", "malloc,16m"]);
    Daemon::start(&mut varnish, files)
}

/// What varnish thinks of the backends `ready` and `live`.
async fn states(files: &Files) -> [String; 2] {
    let mut admin = program("varnishadm");
    admin.arg("-n").arg(files.path("work"));
    let list = run(admin.arg("backend.list")).await.stdout;
    // boot.ready  probe  1/1  healthy  Sat, 21 Nov 2026 05:10:00 GMT
    ["boot.ready", "boot.live"].map(|backend| {
        let row = list.lines().find(|row| row.starts_with(backend));
        let state = row.and_then(|row| row.split_whitespace().nth(3));
        state.unwrap_or("not there").to_owned()
    })
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn varnish_takes_a_backend_out_and_back_and_out_for_a_drain() {
    let site = Site::start().await;
    let mut varnish = start(&site);
    let live = "healthy";
    for (status, ready) in [
        (Status::Pass, "healthy"),
        (Status::Fail, "sick"),
        (Status::Pass, "healthy"),
    ] {
        site.turn(status).await;
        varnish.until([ready, live].map(String::from), states).await;
    }
    site.health.drain();
    varnish
        .until(["sick", live].map(String::from), states)
        .await;
}

//! A secret that is planted in random surroundings never comes out, and the surroundings do.

use std::fmt::{self, Debug};

use proptest::prelude::*;
use proptest::sample::select;
use tower_health::redact_credentials;

/// What every secret contains: neither half may come out.
const HALVES: [&str; 2] = ["hunter2", "zq9x"];

/// Signs that a bare value may contain between letters.
const SIGNS: &str = "!#$%*+-./:=?@^_~,;&)(][}{'\"`<>\\|";

fn secret(signs: &'static str) -> impl Strategy<Value = String> {
    let signs = signs.chars().map(String::from).collect::<Vec<_>>();
    let start = select(vec!["", "", "7", "ä", "x.", "12"]);
    (start, select(signs)).prop_map(|(start, sign)| [start, HALVES[0], &sign, HALVES[1]].concat())
}

/// A secret of any characters, for forms that quote it.
fn any_secret() -> impl Strategy<Value = String> {
    let part = || prop_oneof!["[\"'\\\\{}()%&;,= \n]{0,4}", ".{0,6}"];
    (part(), part(), part())
        .prop_map(|(start, middle, end)| [&start, HALVES[0], &middle, HALVES[1], &end].concat())
}

fn name() -> impl Strategy<Value = String> {
    let names = select(vec![
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "secret",
        "token",
        "api_key",
        "api-key",
        "accesskey",
        "account_key",
        "private_key",
        "pass",
        "client_secret",
        "jwt",
        "PGPASSWORD",
        "apiKey",
        "AccountKey",
        "dbPass",
        "password2",
    ]);
    let prefixes = select(vec!["", "db_", "x-", "app.", "the "]);
    (prefixes, names, any::<bool>()).prop_map(|(prefix, name, upper)| {
        let name = format!("{prefix}{name}");
        // `DBPASS` has no words.
        match upper && !name.ends_with("dbPass") {
            true => name.to_uppercase(),
            false => name,
        }
    })
}

fn separator() -> impl Strategy<Value = &'static str> {
    select(vec![
        "=", ":", ": ", " = ", " : ", "=>", " => ", ":=", "==", ":\t", "=\n", ": \n  ",
    ])
}

fn bare() -> BoxedStrategy<String> {
    (name(), separator(), secret(SIGNS))
        .prop_map(|(name, separator, secret)| [&name, separator, &secret].concat())
        .boxed()
}

fn quoted() -> BoxedStrategy<String> {
    let quote: fn(String) -> String = |secret| format!("{secret:?}");
    let json: fn(String) -> String = |secret| serde_json::Value::from(secret).to_string();
    let sql: fn(String) -> String = |secret| format!("'{}'", secret.replace('\'', "''"));
    let shell: fn(String) -> String =
        |secret| format!("'{}'", secret.replace('\\', r"\\").replace('\'', r"\'"));
    let marks = select(vec!["", "\"", "'"]);
    let quote = select(vec![quote, json, sql, shell]);
    // SQL does not escape a backslash; here one would escape the closing quote.
    let secret = any_secret().prop_map(|secret| secret.trim_end_matches('\\').to_owned());
    (name(), marks, separator(), quote, secret)
        .prop_filter("SQL keeps backslashes", |(.., quote, secret)| {
            !quote(String::from("\\'")).starts_with("'\\'") || !secret.contains("\\")
        })
        .prop_map(|(name, mark, separator, quote, secret)| {
            [mark, &name, mark, separator, &quote(secret)].concat()
        })
        .boxed()
}

#[derive(Clone, Debug)]
struct Secret(#[expect(dead_code, reason = "printed")] String);

#[derive(Clone, Debug)]
#[expect(dead_code, reason = "printed")]
struct Inner {
    n: u8,
    text: Option<Secret>,
    c: char,
}

struct Settings<T> {
    name: &'static str,
    password: T,
}

impl<T: Debug> Debug for Settings<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field(self.name, &self.password)
            .field("pool", &8)
            .finish()
    }
}

fn debug() -> BoxedStrategy<String> {
    let name = select(vec![
        "password",
        "db_password",
        "token",
        "secret",
        "api_key",
    ]);
    (name, any_secret(), any::<char>(), 0..7, any::<bool>())
        .prop_map(|(name, secret, c, shape, pretty)| {
            fn print<T: Debug>(name: &'static str, password: T, pretty: bool) -> String {
                let settings = Settings { name, password };
                if pretty {
                    format!("{settings:#?}")
                } else {
                    format!("{settings:?}")
                }
            }
            let newtype = Secret(secret.clone());
            match shape {
                0 => print(name, secret, pretty),
                1 => print(name, Some(secret), pretty),
                2 => print(name, newtype, pretty),
                3 => print(name, Ok::<_, ()>(Some(newtype)), pretty),
                4 => print(name, (c, newtype, 1), pretty),
                5 => print(name, [c.to_string(), secret], pretty),
                _ => {
                    let text = Some(newtype);
                    print(name, Inner { n: 1, text, c }, pretty)
                }
            }
        })
        .boxed()
}

fn url() -> BoxedStrategy<String> {
    let path = select(vec![
        "",
        "/",
        "/main",
        "/main?user=a@b",
        ":5432/main",
        "?a=b@c",
    ]);
    let database = (
        select(vec![
            "postgres",
            "mysql",
            "redis",
            "amqp",
            "mongodb+srv",
            "jdbc:x",
        ]),
        secret("!#$%*+-./:=?@^_~,&;)(][}{'\"`|"),
    );
    let web = (
        select(vec!["http", "https", "git+https", "WSS"]),
        // A web password that starts with digits and a slash could be a port.
        secret("!$%*+-.:=@^_~,&;)(][}{'\"`|"),
    );
    let address = prop_oneof![database, web];
    (address, select(vec!["", "app", "a.b", "ä"]), path)
        .prop_map(|((scheme, secret), user, path)| {
            format!("{scheme}://{user}:{secret}@db.example{path}")
        })
        .boxed()
}

fn connection_string() -> BoxedStrategy<String> {
    let braced = secret(SIGNS).prop_map(|secret| {
        format!(
            "Driver=x;PWD={{{}}};Database=main",
            secret.replace('}', "}}")
        )
    });
    let ado = secret("!#$%*+-./:?@^_~,&)(][}{|")
        .prop_map(|secret| format!("Server=db;User ID=sa;Password={secret};Initial Catalog=main"));
    let go = (
        secret("!#$%*+-./:=?@^_~,;&)(][}{'\"`|"),
        select(vec!["tcp", "unix", "tcp6"]),
    )
        .prop_map(|(secret, protocol)| format!("app:{secret}@{protocol}(db:3306)/main"));
    let port = secret("!#$%*+-.:=?@^_~,;&)(][}{'\"`|")
        .prop_map(|secret| format!("app:{secret}@db.example:5432"));
    let oracle = (
        secret("!#$*+-._~"),
        select(vec![
            "",
            "userid=",
            "sqlplus -s ",
            "jdbc:oracle:thin:",
            "jdbc:oracle:oci8:",
        ]),
        select(vec![
            "//db:1521/x",
            "db:1521:x",
            "ORCL",
            "(DESCRIPTION=(ADDRESS=x))",
        ]),
    )
        .prop_map(|(secret, before, host)| format!("{before}app/{secret}@{host}"));
    let jdbc = secret("!#$%*+-./:?@^_~,&)(][}{|")
        .prop_map(|secret| format!("jdbc:sqlserver://db:1433;user=sa;password={secret};a=b"));
    prop_oneof![braced, ado, go, port, oracle, jdbc].boxed()
}

fn header() -> BoxedStrategy<String> {
    let authorization = (
        select(vec![
            "Authorization",
            "authorization",
            "Proxy-Authorization",
        ]),
        "X[a-zA-Z0-9-]{0,8}",
        select(vec![" ", "  ", "\t"]),
        secret("!#$%*+-./:=?@^_~"),
    )
        .prop_map(|(name, scheme, space, secret)| format!("{name}: {scheme}{space}{secret}"));
    let parameters = (any_secret(), secret("!#$%*+-./:?@^_~")).prop_map(|(one, other)| {
        format!("Authorization: Digest username={one:?}, a=b, response={other}")
    });
    let cookie = (
        select(vec!["Cookie", "Set-Cookie", "set-cookie"]),
        secret("!#$%*+-./:?@^_~"),
        select(vec!["", "; Path=/; HttpOnly", "; theme=dark"]),
    )
        .prop_map(|(name, secret, rest)| format!("{name}: a=b; session={secret}{rest}"));
    let bearer = secret("-._~+/").prop_map(|secret| format!("Bearer {}", secret.replace('ä', "a")));
    prop_oneof![authorization, parameters, cookie, bearer].boxed()
}

fn lines() -> BoxedStrategy<String> {
    let pem = (
        select(vec!["", "private_key: ", "key "]),
        select(vec!["", "RSA ", "EC ", "ENCRYPTED "]),
        secret("+/="),
    )
        .prop_map(|(name, label, secret)| {
            format!(
                "{name}-----BEGIN {label}PRIVATE KEY-----\n{secret}\n{secret}\n\
                 -----END {label}PRIVATE KEY-----"
            )
        });
    let block = (name(), select(vec!["|", ">", "|-", ">2"]), secret(SIGNS)).prop_map(
        |(name, mark, secret)| format!("{name}: {mark}\n  one two\n  {secret}\nuser: app"),
    );
    let element = (
        select(vec!["password", "ns:token", "dbPassword"]),
        secret("!&;,. "),
    )
        .prop_map(|(name, secret)| format!("<{name}>{secret}</{name}>"));
    prop_oneof![pem, block, element].boxed()
}

fn wrap_in(text: String, wrappings: Vec<Wrapping>) -> String {
    let wrappings = wrappings.into_iter();
    wrappings.fold(text, |text, wrapping| wrap(&text, wrapping))
}

/// Prints a text as a part of another.
fn wrap(text: &str, wrapping: Wrapping) -> String {
    match wrapping {
        Wrapping::Json => serde_json::json!({ "error": text, "n": 1 }).to_string(),
        Wrapping::Debug => format!("Error {{ message: {text:?}, n: 1 }}"),
        Wrapping::Sentence => format!("check failed ({text}), see above"),
    }
}

#[derive(Clone, Copy, Debug)]
enum Wrapping {
    Json,
    Debug,
    Sentence,
}

fn wrappings() -> impl Strategy<Value = Vec<Wrapping>> {
    let wrapping = select(vec![Wrapping::Json, Wrapping::Debug, Wrapping::Sentence]);
    proptest::collection::vec(wrapping, 0..4)
}

fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// What stands around the secret comes out: before it, and after it if that is another word.
fn check(text: &str, kept: &[&str]) -> Result<(), TestCaseError> {
    let redacted = redact_credentials(text);
    for half in HALVES {
        prop_assert!(!redacted.contains(half), "{text}\nbecame\n{redacted}");
    }
    for kept in kept {
        prop_assert!(
            redacted.contains(kept),
            "{kept} of\n{text}\nbecame\n{redacted}"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        // `PROPTEST_CASES` sets more.
        cases: ProptestConfig::default().cases.max(1024),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_planted_secret_never_comes_out(
        text in prop_oneof![
            bare(), quoted(), debug(), url(), connection_string(), header()
        ],
        wrappings in wrappings(),
    ) {
        let text = format!("connecting failed: {text} retrying soon");
        let text = wrap_in(text, wrappings);
        check(&text, &["connecting failed", "retrying soon"])?;
    }

    #[test]
    fn a_planted_secret_of_several_lines_never_comes_out(
        text in lines(),
        wrappings in wrappings(),
    ) {
        let text = format!("connecting failed: {text}");
        let text = wrap_in(text, wrappings);
        check(&text, &["connecting failed"])?;
    }

    #[test]
    fn a_planted_secret_that_is_percent_encoded_never_comes_out(
        text in prop_oneof![bare(), url(), header()],
        times in 1..3,
    ) {
        let text = format!("connecting {text} retrying");
        let text = (0..times).fold(text, |text, _| percent_encoded(&text));
        check(&format!("GET /?q={text}&page=2 failed"), &["connecting", "retrying", "page=2 failed"])?;
    }

    #[test]
    fn of_two_planted_secrets_none_comes_out(
        one in prop_oneof![bare(), debug(), url(), header()],
        between in select(vec![" ", ", ", "; ", "\n", " and "]),
        other in prop_oneof![bare(), quoted(), debug(), url(), connection_string(), header()],
    ) {
        check(&format!("at first {one}{between}{other}"), &["at first"])?;
    }

    #[test]
    fn words_without_a_name_or_a_form_come_out_unchanged(
        words in proptest::collection::vec("[a-zäß]{1,3}[0-9.,()'\"]{0,3}|[(\\[{][0-9]+[)\\]}]", 0..20),
    ) {
        let text = words.join(" ");
        prop_assert_eq!(redact_credentials(&text), text);
    }

    #[test]
    fn what_was_redacted_is_redacted_again_to_the_same(
        text in prop_oneof![bare(), debug(), url(), connection_string(), header()],
    ) {
        let redacted = redact_credentials(&text);
        prop_assert_eq!(redact_credentials(&redacted), redacted);
    }

    #[test]
    fn no_text_is_too_odd(
        parts in proptest::collection::vec(
            prop_oneof![
                select(vec![
                    "token", "pass", "=", ":", "://", "@", "\"", "'", "\\", "%3D", "%25", "%5F",
                    "\\u00", "\\u0022", "(", "{", "}", "-----BEGIN", " PRIVATE KEY-----", "-----END",
                    "<", ">", "</", "|\n", "\n ", "cookie", "; ", ",", "&", "Authorization", "Some(",
                    "jdbc:oracle:", "/", "ä", "Bearer ", "[", "x", "1", " ",
                ]).prop_map(str::to_owned),
                ".{0,3}",
            ],
            0..30,
        ),
    ) {
        redact_credentials(&parts.concat());
    }
}

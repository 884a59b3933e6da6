//! What `redact_credentials` masks, form by form, and what it leaves.

use tower_health::redact_credentials;

fn masks(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let redacted = redact_credentials(text);
        assert_eq!(redacted, *expected, "{text}");
        assert!(!redacted.contains("hunter"), "{redacted}");
        assert_eq!(redact_credentials(&redacted), redacted, "twice: {text}");
    }
}

fn keeps(cases: &[&str]) {
    for text in cases {
        assert_eq!(redact_credentials(text), *text);
    }
}

#[test]
fn values_of_names_are_masked_up_to_the_next_pair() {
    masks(&[
        ("password=hunter2", "password=***"),
        (
            "host=db password=hunter2 user=app",
            "host=db password=*** user=app",
        ),
        ("password:\thunter2", "password:\t***"),
        ("password=\nhunter2", "password=\n***"),
        ("password=abc,hunter2", "password=***"),
        ("password=abc;hunter2", "password=***"),
        ("password=abc&hunter2", "password=***"),
        ("password=abc)hunter2", "password=***"),
        ("password=abc&=hunter2", "password=***"),
        ("password=abc,Hunter2 b=c", "password=*** b=c"),
        ("password:denied", "password:***"),
        ("token::hunter2", "token:***"),
        (r"password=\nhunter2", r"password=\n***"),
        (r"[password=hunter2\]", r"[password=***\]"),
        ("password=it'shunter2", "password=***"),
        (r"password=two\ hunter2", "password=***"),
        (
            "cache:6379,password=hunter2,ssl=true",
            "cache:6379,password=***,ssl=true",
        ),
        (
            "password => hunter2, user => app",
            "password => ***, user => app",
        ),
        ("password := hunter2", "password := ***"),
        ("(password=hunter2)", "(password=***)"),
        ("[token: hunter2]", "[token: ***]"),
        (
            "?api_key=hunter2&token=hunter2&page=3",
            "?api_key=***&token=***&page=3",
        ),
        ("pass=hunter2", "pass=***"),
        ("DB_PASS: hunter2", "DB_PASS: ***"),
        ("password2: hunter2", "password2: ***"),
        ("api key: hunter2", "api key: ***"),
        ("X-Amz-Signature=hunter2", "X-Amz-Signature=***"),
        ("?sv=1&sig=hunter2%3D&se=2", "?sv=1&sig=***&se=2"),
        ("empty password= hunter2", "empty password= ***"),
        ("form[password]=hunter2", "form[password]=***"),
        ("grün password=hunter2ß ß", "grün password=*** ß"),
    ]);
}

#[test]
fn quoted_values_end_at_their_own_quote_however_often_they_are_escaped() {
    masks(&[
        (
            r#"{"password": "hunter2", "n": 1}"#,
            r#"{"password": "***", "n": 1}"#,
        ),
        ("PASSWORD = \"two hunter2\"; x", "PASSWORD = \"***\"; x"),
        (r#""password": "a\"hunter2""#, r#""password": "***""#),
        (
            r#""password": "a\\", "n": 1"#,
            r#""password": "***", "n": 1"#,
        ),
        (
            r#"{\"password\": \"hunter2\"}"#,
            r#"{\"password\": \"***\"}"#,
        ),
        (
            r#"{\"password\": \"a\\\"hunter2\"}"#,
            r#"{\"password\": \"***\"}"#,
        ),
        (
            r#"{\\\"password\\\": \\\"a \\\\\\\"hunter2\\\", \\\"n\\\": 1}"#,
            r#"{\\\"password\\\": \\\"***\\\", \\\"n\\\": 1}"#,
        ),
        (
            r"\u0022password\u0022:\u0022a hunter2\u0022",
            r"\u0022password\u0022:\u0022***\u0022",
        ),
        (
            "password='it''s hunter2' user=app",
            "password='***' user=app",
        ),
        (
            r"password='it\'s hunter2' user=app",
            "password='***' user=app",
        ),
        (
            "password='it's hunter2' user=app",
            "password='***' user=app",
        ),
        ("password: `hunter2`", "password: `***`"),
        ("password: b\"two hunter2\", n", "password: b\"***\", n"),
        ("password: r#\"two hunter2\"#, n", "password: r#\"***\"#, n"),
        (
            "config[\"password\"] = \"two hunter2\"",
            "config[\"password\"] = \"***\"",
        ),
        ("password: \"one\ntwo hunter2\" x", "password: \"***\" x"),
        ("password: \"hunter2", "password: \"***"),
        (
            r#""password": "a\" hunter2", "n": 1"#,
            r#""password": "***", "n": 1"#,
        ),
        (
            r"password: 'a\' hunter2' user=app",
            "password: '***' user=app",
        ),
        (r"password: \'two hunter2\' user", r"password: \'***\' user"),
        // Nothing closes the value: the quote after it is that of the next name.
        (
            r#"{"password": "hunter2, "n": "x"} y"#,
            r#"{"password": "***"} y"#,
        ),
    ]);
}

#[test]
fn values_that_debug_printed_are_masked_whole() {
    masks(&[
        ("password: Some(\"hunter2\")", "password: ***"),
        ("password: Secret(\"hunter2\")", "password: ***"),
        (
            "password: Some(Secret(\"two hunter2\")), n: 1",
            "password: ***, n: 1",
        ),
        (
            "password: Secret { inner: \"a}hunter2\" }, n: 1",
            "password: ***, n: 1",
        ),
        ("token: Token<String>(\"two hunter2\") n", "token: *** n"),
        ("token: ['(', ')', 'h'] n", "token: *** n"),
        ("token: ['[', 'h'] n", "token: *** n"),
        ("log 'token: ['h']' n", "log 'token: ***' n"),
        ("token: [a%5D, hunter2] n", "token: *** n"),
        ("secret: [104, 117, 110] n", "secret: *** n"),
        (
            "secret: {\"a\": \"x}\", \"b\": \"hunter2\"} n",
            "secret: *** n",
        ),
        (
            "\"password\": String(\"hunter2\"), \"n\": 1",
            "\"password\": ***, \"n\": 1",
        ),
        ("password: Some(\n    \"hunter2\",\n),", "password: ***,"),
        (
            r#""password: Some(\"a)\\\"hunter2\"), n""#,
            r#""password: ***, n""#,
        ),
        ("Secret(\"two hunter2\")", "Secret(\"***\")"),
        ("Err(ApiKey(\"hunter2\"))", "Err(ApiKey(\"***\"))"),
        // What no bracket closes reaches to the end.
        ("password: Some(hunter2 x", "password: ***"),
    ]);
}

#[test]
fn headers_are_masked_with_their_schemes() {
    masks(&[
        (
            "Authorization: Bearer hunter2 sent",
            "Authorization: *** sent",
        ),
        ("Authorization: Bearer  hunter2", "Authorization: ***"),
        ("Authorization: Token hunter2", "Authorization: ***"),
        ("Authorization: ApiKey hunter2", "Authorization: ***"),
        ("Authorization: Negotiate hunter2", "Authorization: ***"),
        ("authorization: X-My-Scheme\thunter2", "authorization: ***"),
        ("Authorization: hunter2.x sent", "Authorization: *** sent"),
        (
            "Authorization: Digest username=\"app\", response=\"a hunter2\", qop=auth sent",
            "Authorization: *** sent",
        ),
        (
            "-H 'Authorization: Token hunter2' x",
            "-H 'Authorization: ***' x",
        ),
        (
            "{\"authorization\": \"Token hunter2\"}",
            "{\"authorization\": \"***\"}",
        ),
        (
            "authorization%3DToken%20hunter2%26a=1",
            "authorization%3D***%26a=1",
        ),
        ("proxy said Bearer hunter2", "proxy said Bearer ***"),
        ("proxy said Bearer hunter2ß", "proxy said Bearer ***"),
        ("[\"Basic aHVudGVyMg==\"]", "[\"Basic ***\"]"),
        ("Cookie: session=hunter2", "Cookie: ***"),
        ("Cookie: a=b; session=hunter2; c=d sent", "Cookie: *** sent"),
        (
            "Set-Cookie: session=hunter2; Path=/; HttpOnly",
            "Set-Cookie: ***",
        ),
        (
            "\"cookie\": \"a=b; session=hunter2\"",
            "\"cookie\": \"***\"",
        ),
    ]);
}

#[test]
fn user_information_of_urls_is_masked_whatever_it_contains() {
    masks(&[
        ("redis://:hunter2@cache:6379/0", "redis://***@cache:6379/0"),
        (
            "postgres://u:p/hunter2@db/x refused",
            "postgres://***@db/x refused",
        ),
        ("postgres://u:p@hunter2@db/x", "postgres://***@db/x"),
        ("postgres://u:p@ss/hunter2@db/x", "postgres://***@db/x"),
        ("postgres://app:/9xhunter2@db", "postgres://***@db"),
        ("postgres://app:12/hunter2@db", "postgres://***@db"),
        ("postgres://app:12?hunter2@db", "postgres://***@db"),
        ("postgres://app:hun'hunter2@db", "postgres://***@db"),
        ("postgres://[app:hunter/hunter2@db", "postgres://***@db"),
        ("http://u:hun/hunter2@h", "http://***@h"),
        ("http://u:hunter2@h/x@y", "http://***@h/x@y"),
        ("redis://:/b=hunter2@db", "redis://***@db"),
        ("redis://:/a:hunter2@db", "redis://***@db"),
        ("redis://:/a//hunter2@db", "redis://***@db"),
        ("amqp://key=hunter2@db", "amqp://***@db"),
        ("http://u:hunter2@[::1]:80/", "http://***@[::1]:80/"),
        (
            "two amqp://a:b@h1 amqp://c:hunter2@h2",
            "two amqp://***@h1 amqp://***@h2",
        ),
        (
            "amqp://a:hunter@h1,amqp://c:hunter2@h2",
            "amqp://***@h1,amqp://***@h2",
        ),
        ("grün://ö:hunter@ü password=ß", "grün://***@ü password=***"),
        (
            "next=postgres%3A%2F%2Fapp%3Ahunter2%40db&x=1",
            "next=postgres%3A%2F%2F***%40db&x=1",
        ),
        (
            "postgres://app:hunter2@db/main?user=a@b&password=hunter2",
            "postgres://***@db/main?user=a@b&password=***",
        ),
    ]);
}

#[test]
fn connection_strings_of_other_languages_are_masked() {
    masks(&[
        ("PWD={abc;hunter2}", "PWD=***"),
        ("token=PWD={a hunter2}", "token=***"),
        (
            "Server=db;PWD={a}};hunter2};Database=main",
            "Server=db;PWD=***;Database=main",
        ),
        (
            "Server=db;User Id=sa;Password=hunter2;Initial Catalog=main",
            "Server=db;User Id=sa;Password=***;Initial Catalog=main",
        ),
        (
            "Server=db;Password=\"a;hunter2\";Pooling=no",
            "Server=db;Password=\"***\";Pooling=no",
        ),
        (
            "AccountName=app;AccountKey=hunter2==;EndpointSuffix=net",
            "AccountName=app;AccountKey=***;EndpointSuffix=net",
        ),
        (
            "jdbc:sqlserver://db:1433;user=sa;password=a@hunter2;encrypt=true",
            "jdbc:sqlserver://db:1433;user=sa;password=***;encrypt=true",
        ),
        (
            "jdbc:mysql://db/x?user=a&password=hunter2",
            "jdbc:mysql://db/x?user=a&password=***",
        ),
        ("app:hunter2@tcp(db)", "***@tcp(db)"),
        ("app:(hunter2@tcp(db)", "***@tcp(db)"),
        ("app:hun'hunter2@tcp(db)", "***@tcp(db)"),
        ("failed\napp:hunter2@tcp(db)", "failed\n***@tcp(db)"),
        (
            "dsn=app:a:/@(hunter2@tcp(db:3306)/x",
            "dsn=***@tcp(db:3306)/x",
        ),
        (
            "app:hunter2@unix(/run/mysqld.sock)/x",
            "***@unix(/run/mysqld.sock)/x",
        ),
        ("dial \"app:hunter2@db:5432\"", "dial \"***@db:5432\""),
        (
            "jdbc:oracle:thin:app/hunter2@db:1521:orcl",
            "jdbc:oracle:thin:***@db:1521:orcl",
        ),
        (
            "jdbc:oracle:thin:app/hunter2@//db:1521/x",
            "jdbc:oracle:thin:***@//db:1521/x",
        ),
        (
            "jdbc:oracle:thin:app/a/hunter2@db",
            "jdbc:oracle:thin:***@db",
        ),
        (
            "sqlplus -s app/hunter2@db.example.com",
            "sqlplus -s ***@db.example.com",
        ),
        (
            "userid=app/hunter2@db.example.com",
            "userid=***@db.example.com",
        ),
        ("app/hunter2@ORCL", "***@ORCL"),
        ("app/hunter2@vault", "***@vault"),
        ("app/hunter2@db:1521/orcl", "***@db:1521/orcl"),
        ("app/hunter2@//db:1521/orcl", "***@//db:1521/orcl"),
    ]);
}

#[test]
fn values_that_are_encoded_or_of_several_lines_are_masked() {
    masks(&[
        ("password%3Dhunter2", "password%3D***"),
        ("password=a%20hunter2 x", "password=*** x"),
        ("password%3ahunter2%26n%3D1", "password%3a***%26n%3D1"),
        (
            "password%253Dhunter2%2526n%253D1",
            "password%253D***%2526n%253D1",
        ),
        (
            "password%25253Dhunter2%252526n%25253D1",
            "password%25253D***%252526n%25253D1",
        ),
        (
            "postgres%25253A%25252F%25252Fapp%25253Ahun%25252Fhunter2%252540db",
            "postgres%25253A%25252F%25252F***%252540db",
        ),
        (
            "%7B%22password%22%3A%22a%5C%22hunter2%22%7D",
            "%7B%22password%22%3A%22***%22%7D",
        ),
        (
            "password: |\n  one\n\n  hunter2\nuser: app",
            "password: |\n  ***\nuser: app",
        ),
        (
            "password: >-\n  hunter2\nuser: app",
            "password: >-\n  ***\nuser: app",
        ),
        (
            r#"{"error": "password: |\n  a\" hunter2", "n": 1}"#,
            r#"{"error": "password: ***", "n": 1}"#,
        ),
        (
            "<db><password>two hunter2</password></db>",
            "<db><password>***</password></db>",
        ),
        (
            "private_key: -----BEGIN PRIVATE KEY-----\nhunter2",
            "private_key: ***",
        ),
        (
            "private_key: -----BEGIN PRIVATE KEY-----ENDhunter2\n-----END PRIVATE KEY----- x",
            "private_key: *** x",
        ),
        (
            "private_key: -----BEGIN EC PRIVATE KEY-----\nhunter2\n-----END EC PRIVATE KEY----- x",
            "private_key: *** x",
        ),
        (
            "bad PEM -----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY----- x",
            "bad PEM -----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY----- x",
        ),
        (
            r#"{"key": "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n"}"#,
            r#"{"key": "-----BEGIN PRIVATE KEY-----***-----END PRIVATE KEY-----\n"}"#,
        ),
    ]);
}

#[test]
fn a_word_about_a_credential_is_no_credential_unless_more_follows() {
    keeps(&[
        "invalid token: expected a digit",
        "authorization: denied",
        "(using password: YES)",
        "unexpected token: `}`",
        "password: None, user: \"app\"",
        "{\"password\":null,\"token\": \"\"}",
    ]);
    masks(&[
        ("password: no.hunter2", "password: ***"),
        ("password: expected_hunter2", "password: ***"),
        ("password: denied'hunter2", "password: ***"),
        ("password=expected", "password=***"),
        ("password: \"denied\"", "password: \"***\""),
    ]);
}

#[test]
fn ordinary_text_that_resembles_credentials_is_kept() {
    keeps(&[
        "",
        "nothing to hide",
        "http://svc:8080/users/a@b.c",
        "http://[::1]:80/x@y",
        "http://@svc:8080/x",
        "http://svc/users:a@tcp(b)",
        "http://bob%40example.com",
        "postgres://[::1]/x@y",
        "postgres://a%3Ab/x@y",
        "sqlserver://db;user=bob@example.com",
        "next=http%3A%2F%2Fsvc&to=a%40b",
        "password= ",
        "password=''",
        "password=;user=app",
        "password authentication failed for user \"app\"",
        "token expired: 2026-01-31T12:00:00Z",
        "Token::Comma => Vec<Token>, HashMap<Token, u8>",
        "bypass: on, compass=north, max_tokens=100",
        "signature: RSA",
        "docker://registry:5000/app@sha256:9f86d081884c",
        "actions/checkout@v4 users/bob@example.com to:bob@example.com",
        "node_modules/@types/node is missing, see docs/@ and issues",
        "sqlplus ended\nsee users/bob@example.com",
        // More often than any text is encoded.
        "password%2525253Dabc",
        "missing section end marker: \"-----END PRIVATE KEY-----\"",
        "expected -----BEGIN PRIVATE KEY-----, found nothing",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "Bearer charset=utf8",
        "Bearer authentication, WWW-Authenticate: Bearer realm=\"api2\"",
    ]);
}

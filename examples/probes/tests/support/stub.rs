//! The tiny process that the runner is tested with: it answers by the files in the folder `STUB`.
//!
//! A file `readyz.503` makes `/readyz` fail, `livez.hang` makes `/livez` never answer, `livez.elsewhere`
//! makes it redirect to another host, and `livez.short` makes it end within its body. `livez.answers`
//! has a line for each answer that is about to be sent: its status.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

fn main() {
    let folder = PathBuf::from(std::env::var_os("STUB").expect("STUB"));
    if std::env::args().any(|arg| arg == "maintenance") {
        std::fs::write(folder.join("migrated"), "").expect("a folder that can be written");
        std::process::exit(i32::from(folder.join("migration.fails").exists()));
    }
    let port = ["API_PORT", "PORT"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .expect("a port");
    let port: u16 = port.parse().expect("a number");
    if std::env::args().any(|arg| arg == "healthcheck") {
        std::process::exit(i32::from(!passes(port)));
    }
    if std::env::var_os("NAIVE_START").is_some()
        && !database_passes(&std::env::var("NAIVE_DATABASE").expect("NAIVE_DATABASE"))
    {
        std::process::exit(1);
    }
    let starts = folder.join("starts");
    let count = std::fs::read_to_string(&starts).unwrap_or_default().len();
    let _ = std::fs::write(starts, "x".repeat(count + 1));
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
    for stream in listener.incoming().flatten() {
        let folder = folder.clone();
        std::thread::spawn(move || answer(stream, &folder));
    }
}

fn passes(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    let mut answer = [0; 12];
    stream.write_all(b"GET /readyz HTTP/1.1\r\n\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer.ends_with(b"200")
}

fn answer(mut stream: TcpStream, folder: &Path) {
    let mut bytes = [0; 4096];
    let Ok(count) = stream.read(&mut bytes) else {
        return;
    };
    let head = String::from_utf8_lossy(&bytes[..count]).into_owned();
    let path = head
        .split(' ')
        .nth(1)
        .unwrap_or("/")
        .trim_start_matches('/')
        .to_owned();
    let _ = std::fs::write(folder.join(format!("{path}.head")), &head);
    // The naive design: every probe asks the database, on a connection of its own.
    if let Ok(database) = std::env::var("NAIVE_DATABASE") {
        let passes = path == "startupz" || path == "api/time" || database_passes(&database);
        let status = if passes {
            "200 OK"
        } else {
            "503 Service Unavailable"
        };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        let _ = stream.write_all(answer.as_bytes());
        return;
    }
    let has = |mode: &str| folder.join(format!("{path}.{mode}")).exists();
    if has("hang") {
        std::thread::sleep(std::time::Duration::from_secs(3600));
    }
    let answer = if has("503") {
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
    } else if has("elsewhere") {
        "HTTP/1.1 302 Found\r\nlocation: http://elsewhere.invalid/\r\ncontent-length: 0\r\n\r\n"
    } else if has("short") {
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nok"
    } else {
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
    };
    let status = answer.split(' ').nth(1).unwrap_or_default();
    let answers = folder.join(format!("{path}.answers"));
    let answers = OpenOptions::new().create(true).append(true).open(answers);
    let _ = answers.and_then(|mut file| file.write_all(format!("{status}\n").as_bytes()));
    let _ = stream.write_all(answer.as_bytes());
}

/// `SELECT 1` in the protocol of Postgres, without a password.
fn database_passes(address: &str) -> bool {
    let ask = || -> std::io::Result<()> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(std::time::Duration::from_secs(5)))?;
        let names = b"user\0postgres\0database\0postgres\0application_name\0naive\0\0";
        let length = u32::try_from(names.len() + 8).map_err(std::io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes()[..], &[0, 3, 0, 0], names].concat())?;
        until_ready(&mut stream)?;
        stream.write_all(b"Q\0\0\0\x0dSELECT 1\0")?;
        until_ready(&mut stream)?;
        stream.write_all(b"X\0\0\0\x04")
    };
    ask().is_ok()
}

fn until_ready(stream: &mut TcpStream) -> std::io::Result<()> {
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        std::io::copy(
            &mut stream.take(length.saturating_sub(4) as u64),
            &mut std::io::sink(),
        )?;
        match head[0] {
            b'Z' => return Ok(()),
            b'E' => return Err(std::io::ErrorKind::Other.into()),
            _ => {}
        }
    }
}

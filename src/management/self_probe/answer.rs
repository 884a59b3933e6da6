//! What an answer over HTTP/1 says.

use super::error::{Fault, SelfProbeError};

/// How much of the body an error shows, in characters.
const SHOWN: usize = 200;

/// Returns whether the head and, as far as its length is known, the body have arrived.
pub(super) fn is_whole(response: &[u8]) -> bool {
    let Some((head, body)) = split(response) else {
        return false;
    };
    let length = String::from_utf8_lossy(head).lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    length.is_some_and(|length| body.len() >= length)
}

fn split(response: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = response.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((&response[..end], &response[end + 4..]))
}

pub(super) fn verdict(response: &[u8]) -> Result<(), SelfProbeError> {
    let answer = |fault: &str| Err(Fault::Answer(fault.to_owned()).into());
    if response.is_empty() {
        return answer("the server closed the connection without an answer");
    }
    let line = response.split(|byte| *byte == b'\r').next();
    let line = String::from_utf8_lossy(line.unwrap_or_default());
    let mut words = line.split(' ');
    let is_http = words
        .next()
        .is_some_and(|version| version.starts_with("HTTP/1."));
    let status = words.next().filter(|code| is_http && code.len() == 3);
    let Some(status) = status.and_then(|code| code.parse::<u16>().ok()) else {
        return answer("the answer is not HTTP/1");
    };
    if (200..300).contains(&status) {
        return Ok(());
    }
    let body = split(response).map(|(_, body)| body).unwrap_or_default();
    let body = String::from_utf8_lossy(body);
    // The text goes to a terminal or a log.
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let shown: String = body.chars().map(printable).take(SHOWN).collect();
    Err(Fault::Status(status, shown.trim().to_owned()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_of_200_to_299_passes() {
        let cases = [
            ("HTTP/1.1 200 OK\r\n\r\n", Ok(())),
            ("HTTP/1.0 204\r\n\r\n", Ok(())),
            ("HTTP/1.1 301 Moved\r\n\r\n", Err("status 301")),
            (
                "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nno\x1b\n",
                Err("status 503: no"),
            ),
            ("HTTP/2 200\r\n\r\n", Err("the answer is not HTTP/1")),
            ("HTTP/1.1 2000 OK\r\n\r\n", Err("the answer is not HTTP/1")),
            ("SSH-2.0-OpenSSH\r\n", Err("the answer is not HTTP/1")),
            (
                "",
                Err("the server closed the connection without an answer"),
            ),
        ];
        for (response, expected) in cases {
            let verdict = verdict(response.as_bytes()).map_err(|error| error.to_string());
            assert_eq!(verdict, expected.map_err(str::to_owned), "{response:?}");
        }
    }
}

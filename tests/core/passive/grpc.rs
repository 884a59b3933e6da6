//! The status of a gRPC call, which is in the trailers or in the head.

use std::convert::Infallible;

use http::Response;
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt, service_fn};
use tower_health::Status;
use tower_health::indicators::PassiveIndicator;

use super::support::{Counted, Req, counted, data, payments, request, streamed, told, trailers};

type Frames = Vec<Result<http_body::Frame<hyper::body::Bytes>, &'static str>>;

async fn call(payments: &PassiveIndicator, head: Option<&'static str>, frames: Frames) {
    let mut response = streamed("application/grpc+proto", frames);
    if let Some(status) = head {
        let status = status.parse().unwrap();
        response.headers_mut().insert("grpc-status", status);
    }
    read(payments, response).await;
}

async fn read<B>(payments: &PassiveIndicator, response: Response<B>)
where
    B: http_body::Body<Error = &'static str> + Unpin,
{
    let mut response = Some(response);
    let service = service_fn(|_: Req| {
        let response = response.take().unwrap();
        async { Ok::<_, Infallible>(response) }
    });
    let response = payments.layer().layer(service).oneshot(request()).await;
    let _ = response.unwrap().into_body().collect().await;
}

/// OK, and codes for which the caller is to blame.
const ANSWERED: [&str; 11] = ["0", "1", "3", "5", "6", "7", "8", "9", "10", "11", "16"];

/// Codes for which the server is to blame, and what is none.
const FAILED: [&str; 7] = ["2", "4", "12", "13", "14", "15", "up"];

#[tokio::test]
async fn the_status_decides_whether_it_is_in_the_trailers_or_in_the_head() {
    let all = ANSWERED.map(|code| (code, 0)).into_iter();
    for (code, failed) in all.chain(FAILED.map(|code| (code, 1))) {
        let expected = Counted {
            requests: 1,
            failed,
        };
        let indicator = payments();
        call(&indicator, None, vec![data(), trailers(code)]).await;
        assert_eq!(counted(&indicator).await, expected, "{code} in trailers");
        let indicator = payments();
        call(&indicator, Some(code), vec![]).await;
        assert_eq!(counted(&indicator).await, expected, "{code} in the head");
    }
}

#[tokio::test]
async fn a_response_without_a_status_is_a_failure() {
    let payments = payments();
    call(&payments, None, vec![data()]).await;
    call(&payments, None, vec![]).await;
    call(&payments, None, vec![data(), Err("reset")]).await;
    let expected = Counted {
        requests: 3,
        failed: 3,
    };
    assert_eq!(counted(&payments).await, expected);
}

// A watch that never ends: it counts while it is open, and as failed once its status says so.
#[tokio::test]
async fn an_open_stream_counts_from_its_head_until_its_status_says_otherwise() {
    let payments = payments();
    let mut response = Some(streamed("application/grpc", vec![data(), trailers("14")]));
    let service = service_fn(|_: Req| {
        let response = response.take().unwrap();
        async { Ok::<_, Infallible>(response) }
    });
    let response = payments.layer().layer(service).oneshot(request()).await;
    let mut body = response.unwrap().into_body();
    let of = |requests, failed| Counted { requests, failed };
    assert_eq!(counted(&payments).await, of(1, 0), "its head");
    body.frame().await.unwrap().unwrap();
    assert_eq!(counted(&payments).await, of(1, 0), "its first message");
    body.frame().await.unwrap().unwrap();
    assert_eq!(counted(&payments).await, of(1, 1), "its status");
}

#[tokio::test]
async fn the_application_can_say_which_codes_are_failures() {
    let payments = payments().grpc_failure(|code| code == 8);
    call(&payments, None, vec![data(), trailers("8")]).await;
    call(&payments, None, vec![data(), trailers("14")]).await;
    let expected = Counted {
        requests: 2,
        failed: 1,
    };
    assert_eq!(counted(&payments).await, expected);
}

#[tokio::test]
async fn the_failure_names_the_last_code() {
    let payments = payments();
    for _ in 0..20 {
        call(&payments, None, vec![data(), trailers("14")]).await;
    }
    let (status, output) = told(&payments).await;
    assert_eq!(status, Status::Fail);
    assert!(
        output.ends_with("the last one with gRPC status 14"),
        "{output}"
    );
}

#[tokio::test]
async fn only_grpc_has_a_status_of_grpc() {
    for content_type in [
        "text/plain",
        "application/grpc-web+proto",
        "application/json",
    ] {
        let payments = payments();
        let frames = vec![data(), trailers("14")];
        read(&payments, streamed(content_type, frames)).await;
        assert_eq!(counted(&payments).await.failed, 0, "{content_type}");
    }
}

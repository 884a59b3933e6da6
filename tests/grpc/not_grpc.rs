//! What is not a gRPC call must not look healthy, and what is not for the health service is not
//! touched.

use http::{Method, Request, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use tower::ServiceExt;
use tower_health::{Health, HealthLayer, Status};

use crate::calls::{CHECK, LIST, WATCH, around, asking, request, respond, send};
use crate::reply::{Reply, UNIMPLEMENTED};
use crate::support::prober::APPLICATION;

fn health() -> Health {
    Health::fixed(Status::Pass)
}

#[tokio::test]
async fn another_content_type_is_unsupported() {
    for content_type in [
        None,
        Some(""),
        Some("application/json"),
        Some("application/x-protobuf"),
        Some("application/grpc+json"),
        Some("application/grpc-web"),
        Some("application/grpc-web+proto"),
        Some("application/grpc-web-text"),
        Some("application/grpcx"),
        Some("application/grp"),
        Some("text/application/grpc"),
    ] {
        for version in [Version::HTTP_11, Version::HTTP_2] {
            for path in [CHECK, WATCH, LIST] {
                let mut request = request(path, asking(""));
                *request.version_mut() = version;
                request.headers_mut().remove("content-type");
                if let Some(content_type) = content_type {
                    let value = content_type.parse().unwrap();
                    request.headers_mut().insert("content-type", value);
                }
                let reply = send(&health(), request).await;
                assert_eq!(reply.code, 415, "{content_type:?}, {version:?}, {path}");
                assert_refused(&reply);
            }
        }
    }
}

/// Nothing in it says that a call was made, or that a service is well.
fn assert_refused(reply: &Reply) {
    assert!(
        reply.data.is_empty() && reply.trailers.is_none(),
        "{reply:?}"
    );
    assert!(!reply.headers.contains_key("grpc-status"), "{reply:?}");
    assert!(!reply.headers.contains_key("content-type"), "{reply:?}");
    assert_eq!(reply.headers["content-length"], "0", "{reply:?}");
    assert_eq!(reply.headers["cache-control"], "no-store", "{reply:?}");
}

#[tokio::test]
async fn an_http_prober_finds_nothing_healthy_on_a_grpc_path() {
    let methods = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "post", "BREW"];
    for method in methods {
        for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2] {
            for path in [CHECK, WATCH, LIST, "/grpc.health.v1.Health/"] {
                for content_type in ["text/html", "application/grpc"] {
                    let mut request = request(path, asking(""));
                    *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
                    *request.version_mut() = version;
                    let value = content_type.parse().unwrap();
                    request.headers_mut().insert("content-type", value);
                    let reply = send(&health(), request).await;
                    assert_eq!(reply.code, 405, "{method} {path} {version:?}");
                    assert_eq!(reply.headers["allow"], "POST");
                    assert_refused(&reply);
                }
            }
        }
    }
}

/// There are no trailers there that could tell a status.
#[tokio::test]
async fn a_call_over_http_1_is_refused() {
    for version in [Version::HTTP_09, Version::HTTP_10, Version::HTTP_11] {
        for path in [CHECK, WATCH, LIST] {
            let mut request = request(path, asking(""));
            *request.version_mut() = version;
            let reply = send(&health(), request).await;
            assert_eq!(reply.code, 505, "{version:?}");
            assert_refused(&reply);
        }
    }
}

#[tokio::test]
async fn other_methods_of_the_service_are_unimplemented() {
    for method in [
        "", "check", "CHECK", "Check/", "Check/x", "Checks", "Watch2", "Reset",
    ] {
        let path = format!("/grpc.health.v1.Health/{method}");
        let reply = send(&health(), request(&path, asking(""))).await;
        assert_eq!(reply.status(), Err(UNIMPLEMENTED), "{path}");
    }
}

#[tokio::test]
async fn every_other_path_passes_through() {
    for path in [
        "/",
        "/grpc.health.v1.Health",
        "/grpc.health.v1.health/Check",
        "/Grpc.Health.V1.Health/Check",
        "/grpc.health.v1.HealthX/Check",
        "/grpc.health.v1alpha.Health/Check",
        "/grpc.health.v2.Health/Check",
        "//grpc.health.v1.Health/Check",
        "/prefix/grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health%2FCheck",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/shop.Orders/Get",
        "/shop.Orders/Check",
        "/AWS.ALB/healthcheck",
    ] {
        let response = respond(&health(), request(path, asking(""))).await;
        assert_eq!(response.status(), 200, "{path}");
        assert!(response.headers().is_empty(), "{path}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, APPLICATION, "{path}");
    }
}

#[tokio::test]
async fn a_call_that_passes_through_keeps_its_body() {
    let sent = [asking("one"), asking("two")].concat();
    let echo = tower::service_fn(|request: Request<Full<Bytes>>| async {
        Ok::<_, std::convert::Infallible>(http::Response::new(request.into_body()))
    });
    let service = tower::Layer::layer(&HealthLayer::new(health()), echo);
    let response = service.oneshot(request("/shop.Orders/Get", sent.clone()));
    let body = response.await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(body.to_bytes(), sent);
}

/// A client takes 404 for "has no health service", which to some is healthy, and 503 for a proxy.
#[tokio::test]
async fn no_state_changes_the_code_of_a_call() {
    let failing = Health::fixed(Status::Fail);
    failing.mark_broken("deadlock");
    failing.drain();
    for health in [health(), failing] {
        for path in [CHECK, LIST] {
            for service in ["", "liveness", "nobody"] {
                let reply = send(&health, request(path, asking(service))).await;
                assert_eq!(reply.code, 200, "{path} {service:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_paths_of_the_http_probes_do_not_move_those_of_grpc() {
    let layer = HealthLayer::builder(health())
        .prefix("/internal")
        .path("/ready", tower_health::Probe::Readiness)
        .build()
        .unwrap();
    let call = request(CHECK, asking(""));
    assert!(layer.is_probe(&call));
    let reply = around(&layer).oneshot(call).await.unwrap();
    assert!(Reply::of(reply).await.status().is_ok());

    let moved = request(&format!("/internal{CHECK}"), asking(""));
    assert!(!layer.is_probe(&moved));
    let passed = around(&layer).oneshot(moved).await.unwrap();
    assert!(passed.headers().is_empty());
}

#[tokio::test]
async fn outer_layers_can_tell_calls_to_the_health_service_from_others() {
    let layer = HealthLayer::new(health());
    for (path, expected) in [
        (CHECK, true),
        (WATCH, true),
        (LIST, true),
        ("/grpc.health.v1.Health/Reset", true),
        ("/shop.Orders/Get", false),
        ("/AWS.ALB/healthcheck", false),
    ] {
        let call = request(path, asking(""));
        assert_eq!(layer.is_probe(&call), expected, "{path}");
    }
}

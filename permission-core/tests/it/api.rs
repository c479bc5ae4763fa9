//! What the types promise.

use crate::support::*;

fn assert_send_sync<T: Send + Sync + 'static>() {}
fn assert_static<T: Send + 'static>(_: &T) {}

#[test]
fn everything_may_cross_threads() {
    assert_send_sync::<PermissionService>();
    assert_send_sync::<permission_core::Builder>();
    assert_send_sync::<Subscription>();
    assert_send_sync::<Notifications>();
    assert_send_sync::<Event>();
    assert_send_sync::<Ask>();
    assert_send_sync::<Decision>();
    assert_send_sync::<RequestError>();
    assert_send_sync::<RespondError>();
}

#[test]
fn a_request_future_borrows_nothing_from_the_service() {
    let asking = {
        let service = service();
        service.request(ask("s", "bash", "execute", "/tmp"))
    };
    assert_static(&asking);
}

#[test]
fn ids_survive_the_wire() {
    let service = service();
    let (_asking, request) = pends(&service, ask("s", "bash", "execute", "/tmp"));
    assert_eq!(request.id.to_string().parse(), Ok(request.id));
    let offer = request.session_allow().expect("it is on offer");
    assert_eq!(offer.to_string().parse(), Ok(offer));
    assert_ne!(request.once_allow(), Some(offer));
    assert!("1".parse::<permission_core::OfferId>().is_err());
}

#[test]
fn errors_say_what_they_are_about() {
    let id = unknown_id();
    let error = RespondError::NotPending(id);
    assert_eq!(error.to_string(), format!("request `{id}` is not pending"));
    let error = "no-id".parse::<RequestId>().expect_err("refused");
    assert_eq!(error.to_string(), "`no-id` is not the id of a request");
    let cancelled = RequestError::Cancelled.to_string();
    assert_eq!(cancelled, "the request was cancelled before anybody decided");
}

/// Without a timeout nothing of the service needs a runtime.
#[test]
fn any_executor_will_do() {
    let service = service();
    let mut prompts = subscribe(&service);
    let asking = service.request(ask("s", "bash", "execute", "/tmp"));
    let screen = async {
        let Some(Event::Opened(request)) = prompts.next().await else {
            panic!("a prompt comes first");
        };
        assert!(service.grant(request.id));
    };
    let (decision, ()) = futures::executor::block_on(async { futures::join!(asking, screen) });
    assert!(decision.expect("a decision").is_allowed());
}

//! Model checks: each race is run through every order in which the lock can be taken.
//!
//! They drive the public interface. Only the lock is loom's: tokio's oneshot and notify are checked
//! by tokio, and count as single steps here; that they wake who waits is checked again, since a
//! requester that is never woken is a deadlock to loom.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p permission-core --release --test loom
//! ```
#![cfg(loom)]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::thread;
use permission_core::{
    Ask, Closed, Decision, Event, PermissionRequest, PermissionService, RequestError, Subscription,
};
use tokio_util::sync::CancellationToken;

type Answer = Result<Decision, RequestError>;
type Asking = Pin<Box<dyn Future<Output = Answer>>>;

/// A request that waits, seen from all sides.
struct Scene {
    service: PermissionService,
    prompts: Subscription,
    token: CancellationToken,
    request: Arc<PermissionRequest>,
    asking: Asking,
}

impl Scene {
    fn new() -> Self {
        let service = service();
        let mut prompts = service.subscribe(CancellationToken::new());
        let token = CancellationToken::new();
        let mut asking = ask_until(service.clone(), token.clone());
        let mut context = Context::from_waker(Waker::noop());
        assert!(asking.as_mut().poll(&mut context).is_pending());
        let Some(Event::Opened(request)) = prompts.try_next() else {
            panic!("it was just opened");
        };
        Self { service, prompts, token, request, asking }
    }

    /// Gives a session grant from another thread; its result is whether it took effect.
    fn grant(&self) -> thread::JoinHandle<bool> {
        let (service, id) = (self.service.clone(), self.request.id);
        thread::spawn(move || service.grant_persistent(id))
    }

    fn outcome(&mut self) -> Closed {
        let Some(Event::Closed { outcome, .. }) = self.prompts.try_next() else {
            panic!("it is closed");
        };
        assert!(self.prompts.try_next().is_none(), "and closed once");
        assert_eq!(self.service.stats().pending, 0);
        outcome
    }
}

fn service() -> PermissionService {
    PermissionService::new("/tmp", false, None::<String>)
}

fn ask() -> Ask {
    Ask::new("session", "tool", "act").path("/tmp/a")
}

fn ask_until(service: PermissionService, token: CancellationToken) -> Asking {
    Box::pin(async move { service.request_until(ask(), &token).await })
}

/// X7: `Ok` of the answer, the requester's result, the event and the grant are one outcome.
#[test]
fn an_answer_and_a_cancellation_agree_on_who_was_first() {
    loom::model(|| {
        let mut scene = Scene::new();
        let granting = scene.grant();
        let token = scene.token.clone();
        let cancelling = thread::spawn(move || token.cancel());
        let result = block_on(scene.asking.as_mut());
        let granted = granting.join().unwrap();
        cancelling.join().unwrap();

        assert_eq!(scene.service.grants().len(), usize::from(granted));
        match scene.outcome() {
            Closed::Decided(decision) => {
                assert!(granted && decision.is_allowed());
                assert!(result.unwrap().is_allowed());
            }
            Closed::Cancelled => {
                assert!(!granted);
                assert_eq!(result.unwrap_err(), RequestError::Cancelled);
            }
            other => panic!("{other:?}"),
        }
    });
}

/// B7, U6a, U6c: two answers, and one takes effect.
#[test]
fn of_two_answers_one_takes_effect_and_the_other_leaves_nothing() {
    loom::model(|| {
        let mut scene = Scene::new();
        let granting = scene.grant();
        let (service, id) = (scene.service.clone(), scene.request.id);
        let denying = thread::spawn(move || service.deny(id));
        let allowed = block_on(scene.asking.as_mut()).unwrap().is_allowed();
        let (granted, denied) = (granting.join().unwrap(), denying.join().unwrap());

        assert!(granted != denied);
        assert_eq!(allowed, granted);
        assert_eq!(scene.service.grants().len(), usize::from(granted));
        let Closed::Decided(decision) = scene.outcome() else {
            panic!("it was decided");
        };
        assert_eq!(decision.is_allowed(), granted);
    });
}

/// G4: a requester that goes on finds its grant recorded and its prompt closed.
#[test]
fn a_requester_goes_on_after_its_grant_and_its_event() {
    loom::model(|| {
        let mut scene = Scene::new();
        let granting = scene.grant();
        assert!(block_on(scene.asking.as_mut()).unwrap().is_allowed());
        assert_eq!(scene.service.grants().len(), 1);
        assert!(matches!(scene.outcome(), Closed::Decided(_)));
        assert!(granting.join().unwrap());
    });
}

/// X4: a request that is dropped while it is answered is either decided or withdrawn.
#[test]
fn an_answer_and_a_withdrawal_agree_on_who_was_first() {
    loom::model(|| {
        let mut scene = Scene::new();
        let granting = scene.grant();
        scene.asking = Box::pin(std::future::pending());
        let granted = granting.join().unwrap();
        let decided = matches!(scene.outcome(), Closed::Decided(_));
        assert_eq!(decided, granted);
        assert_eq!(scene.service.grants().len(), usize::from(granted));
    });
}

/// A subscriber that registers while a request is answered sees all of it or none of it.
#[test]
fn a_subscriber_that_comes_during_an_answer_sees_a_prompt_go_or_never_sees_it() {
    loom::model(|| {
        let scene = Scene::new();
        let granting = scene.grant();
        let mut late = scene.service.subscribe(CancellationToken::new());
        assert!(granting.join().unwrap());
        match late.try_next() {
            None => {}
            Some(Event::Opened(request)) => {
                assert_eq!(request.id, scene.request.id);
                assert!(matches!(late.try_next(), Some(Event::Closed { .. })));
            }
            other => panic!("{other:?}"),
        }
        assert!(late.try_next().is_none());
    });
}

/// G2: the signal of an event is not lost on a reader that is about to wait for it.
#[test]
fn a_reader_is_woken_by_a_prompt() {
    loom::model(|| {
        let service = service();
        let mut prompts = service.subscribe(CancellationToken::new());
        let asker = service.clone();
        let asking = thread::spawn(move || {
            let mut asking = ask_until(asker, CancellationToken::new());
            let polled = asking.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(polled, Poll::Pending));
        });
        let first = block_on(prompts.next());
        assert!(matches!(first, Some(Event::Opened(_))));
        let second = block_on(prompts.next());
        assert!(matches!(second, Some(Event::Closed { outcome: Closed::Withdrawn, .. })));
        asking.join().unwrap();
        assert_eq!(service.stats().pending, 0);
    });
}

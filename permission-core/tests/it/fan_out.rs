//! Events on their way to subscribers.

use std::num::NonZeroUsize;
use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::mpsc;

use crate::support::*;

fn nth(n: usize) -> Ask {
    ask("s", "tool", "act", &format!("/tmp/{n}")).tool_call(format!("call-{n}"))
}

fn with_capacity(capacity: usize) -> PermissionService {
    let capacity = NonZeroUsize::new(capacity).expect("not zero");
    PermissionService::builder().queue_capacity(capacity).build()
}

/// B1
#[leak_test]
async fn publishing_with_nobody_there_goes_on() {
    let service = service();
    let asking: Vec<_> = (0..1000).map(|n| pends(&service, nth(n)).0).collect();
    assert_eq!(service.stats().opened, 1000);
    drop(asking);
    assert_quiescent(&service);
}

/// B2
#[leak_test]
async fn a_subscriber_gets_all_events_in_order() {
    check_all_get_everything(1, 10).await;
}

/// B3
#[leak_test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_several_subscribers_gets_all_events_in_order() {
    for subscribers in [2, 5, 10] {
        check_all_get_everything(subscribers, 20).await;
    }
}

async fn check_all_get_everything(subscribers: usize, events: usize) {
    let service = service();
    let readers: Vec<_> = (0..subscribers)
        .map(|_| {
            let mut prompts = subscribe(&service);
            tokio::spawn(async move {
                let mut seen = Vec::new();
                while seen.len() < events {
                    let Some(Event::Opened(request)) = prompts.next().await else {
                        break;
                    };
                    seen.push(request.id);
                }
                seen
            })
        })
        .collect();
    let opened: Vec<_> = (0..events).map(|n| pends(&service, nth(n))).collect();
    let ids: Vec<_> = opened.iter().map(|(_, request)| request.id).collect();
    for reader in readers {
        assert_eq!(reader.await.expect("no panic"), ids);
    }
}

/// B4, B5
#[leak_test(start_paused = true)]
async fn a_forwarder_passes_events_on_and_ends_with_its_scope() {
    let service = service();
    let scope = CancellationToken::new();
    let mut prompts = service.subscribe(scope.clone());
    let (sender, mut receiver) = mpsc::channel(4);
    let forwarder = tokio::spawn(async move {
        while let Some(event) = prompts.next().await {
            if sender.send(event).await.is_err() {
                break;
            }
        }
    });
    let (_asking, request) = pends(&service, nth(1));
    let Some(Event::Opened(forwarded)) = receiver.recv().await else {
        panic!("a prompt comes first");
    };
    assert_eq!(forwarded.id, request.id);

    scope.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(5), forwarder).await;
    ended.expect("in time").expect("no panic");
    assert!(receiver.recv().await.is_none());
}

/// B6
#[leak_test]
async fn a_subscription_after_the_shutdown_has_ended() {
    let service = service();
    service.shutdown();
    assert_ended(subscribe(&service).next());
    assert_ended(listen(&service).next());
    assert_eq!(service.stats().subscribers, 0);
}

/// X11
#[leak_test]
async fn a_slow_subscriber_gets_a_snapshot_in_place_of_its_backlog() {
    let service = with_capacity(3);
    let mut prompts = subscribe(&service);
    let opened: Vec<_> = (0..3).map(|n| pends(&service, nth(n))).collect();
    assert!(service.grant(opened[1].1.id), "the fourth event is one too many");
    assert_eq!(service.stats().resyncs, 1);

    let Some(Event::Resync(snapshot)) = prompts.try_next() else {
        panic!("the backlog was replaced");
    };
    let ids: Vec<_> = snapshot.iter().map(|request| request.id).collect();
    assert_eq!(ids, [opened[0].1.id, opened[2].1.id], "what still waits, by seq");

    assert!(service.deny(opened[0].1.id));
    assert_eq!(closed(&mut prompts).0, opened[0].1.id, "events go on after it");
    assert!(prompts.try_next().is_none());
}

/// X11
#[leak_test]
async fn a_slow_subscriber_does_not_disturb_a_quick_one() {
    let service = with_capacity(2);
    let _slow = subscribe(&service);
    let mut quick = subscribe(&service);
    let mut asking = Vec::new();
    for n in 0..10 {
        let (future, request) = pends(&service, nth(n));
        assert_eq!(opened(&mut quick).id, request.id);
        asking.push(future);
    }
    assert_eq!(service.stats().resyncs, 4, "each resync leaves room for one event");
}

/// X11
#[leak_test]
async fn a_late_subscriber_whose_queue_is_too_short_gets_a_snapshot() {
    let service = with_capacity(2);
    let opened: Vec<_> = (0..5).map(|n| pends(&service, nth(n))).collect();
    let mut prompts = subscribe(&service);
    let Some(Event::Resync(snapshot)) = prompts.try_next() else {
        panic!("five do not fit");
    };
    assert_eq!(snapshot.len(), opened.len());
    assert!(prompts.try_next().is_none());
}

#[leak_test]
async fn a_slow_listener_keeps_the_newest_notifications_and_knows_what_it_missed() {
    let service = with_capacity(2);
    let mut calls = listen(&service);
    let _asking: Vec<_> = (0..5).map(|n| pends(&service, nth(n)).0).collect();
    let first = calls.try_next().expect("a notification");
    assert_eq!((first.tool_call_id.as_str(), first.missed), ("call-3", 3));
    let second = calls.try_next().expect("a notification");
    assert_eq!((second.tool_call_id.as_str(), second.missed), ("call-4", 0));
    assert!(calls.try_next().is_none());
}

/// G5
#[leak_test]
async fn a_dropped_read_loses_nothing() {
    let service = service();
    let mut prompts = subscribe(&service);
    {
        let mut reading = pin!(prompts.next());
        assert!(futures::poll!(&mut reading).is_pending());
        // The signal arrives, and the future that waited for it is dropped without another poll.
        let (asking, _) = pends(&service, nth(1));
        drop(asking);
    }
    assert!(matches!(prompts.next().now_or_never(), Some(Some(Event::Opened(_)))));
    assert!(matches!(prompts.next().now_or_never(), Some(Some(Event::Closed { .. }))));
    assert!(prompts.next().now_or_never().is_none());
}

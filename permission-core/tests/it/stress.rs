//! A lot at once: no deadlock, no wrong decision, nothing left behind.

use std::time::Duration;

use futures::future::join_all;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::support::*;

/// Pseudo-random numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Twenty producers of fifty asks each, one after the other; counts what was allowed.
async fn produce(service: &PermissionService) -> usize {
    let mut producers = JoinSet::new();
    for p in 0..20 {
        let service = service.clone();
        producers.spawn(async move {
            let mut allowed = 0;
            for j in 0..50 {
                let (session, tool) = (format!("session-{p}"), format!("tool-{}", j % 5));
                let ask =
                    ask(&session, &tool, "execute", "/tmp").tool_call(format!("call-{p}-{j}"));
                let decision = service.request(ask).await.expect("a decision");
                allowed += usize::from(decision.is_allowed());
            }
            allowed
        });
    }
    producers.join_all().await.into_iter().sum()
}

/// Answers every prompt at random, `delay` after it was seen; counts what it allowed.
fn answer_at_random(
    service: &PermissionService,
    scope: &CancellationToken,
    delay: Duration,
) -> JoinHandle<usize> {
    let mut prompts = service.subscribe(scope.clone());
    let service = service.clone();
    tokio::spawn(async move {
        let mut dice = Dice(42);
        let mut allowed = 0;
        while let Some(event) = prompts.next().await {
            let requests = match event {
                Event::Opened(request) => [request].into(),
                Event::Resync(requests) => requests,
                _ => continue,
            };
            for request in requests.iter() {
                sleep(delay).await;
                allowed += usize::from(match dice.roll(3) {
                    0 => service.grant_persistent(request.id),
                    1 => service.grant(request.id),
                    _ => !service.deny(request.id),
                });
            }
        }
        allowed
    })
}

async fn check_stress(delay: Duration) {
    let service = service();
    let scope = CancellationToken::new();
    let answers = answer_at_random(&service, &scope, delay);
    let allowed = timeout(Duration::from_secs(30), produce(&service)).await.expect("no deadlock");

    scope.cancel();
    let answered = answers.await.expect("no panic");
    let stats = service.stats();
    let by_grant = 1000 - usize::try_from(stats.opened).expect("a small number");
    assert_eq!(allowed, answered + by_grant, "each answer reached its request");
    assert!(stats.grants > 0 && by_grant > 0, "{stats:?}");
    assert_eq!(stats.subscribers, 0);
    assert_quiescent(&service);
}

/// S2
#[leak_test(start_paused = true)]
async fn a_thousand_asks_of_twenty_producers_are_answered_by_a_slow_subscriber() {
    check_stress(Duration::from_millis(1)).await;
}

/// S2
#[leak_test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_asks_of_twenty_producers_are_answered_across_threads() {
    check_stress(Duration::ZERO).await;
}

/// S3
#[leak_test(flavor = "multi_thread", worker_threads = 4)]
async fn race_free_asks_in_skip_mode_are_all_allowed() {
    let service = PermissionService::new("/tmp", true, None::<String>);
    let asks = (0..100).map(|n| {
        let (session, path) = (format!("session-{}", n % 10), format!("/tmp/{}", n % 10));
        let ask = ask(&session, "tool", "act", &path).tool_call(format!("call-{}", n % 10));
        tokio::spawn(service.request(ask))
    });
    for result in join_all(asks).await {
        assert!(result.expect("no panic").expect("a decision").is_allowed());
    }
    assert_eq!(service.stats().opened, 0);
}

/// S4
#[leak_test(flavor = "multi_thread", worker_threads = 4)]
async fn race_free_grants_of_unknown_ids_record_nothing() {
    let service = service();
    let grants = (0..50).map(|n| {
        let service = service.clone();
        tokio::spawn(async move {
            let answer = if n % 2 == 1 {
                PermissionService::grant
            } else {
                PermissionService::grant_persistent
            };
            answer(&service, nth_unknown_id(n))
        })
    });
    for resolved in join_all(grants).await {
        assert!(!resolved.expect("no panic"));
    }
    assert!(service.grants().is_empty());
}

/// S5
#[leak_test(flavor = "multi_thread", worker_threads = 4)]
async fn race_free_denials_of_unknown_ids_resolve_nothing() {
    let service = service();
    let denials = (0..50).map(|n| {
        let service = service.clone();
        tokio::spawn(async move { service.deny(nth_unknown_id(n)) })
    });
    for resolved in join_all(denials).await {
        assert!(!resolved.expect("no panic"));
    }
    assert_eq!(service.stats().closed, 0);
}

fn nth_unknown_id(n: u32) -> RequestId {
    format!("01890000-0000-7000-8000-{n:012}").parse().expect("it has the form of an id")
}

/// S6
#[leak_test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_single_grants_among_twenty_equal_asks_allow_exactly_ten() {
    let service = service();
    let mut prompts = subscribe(&service);
    let asks = (0..20).map(|_| tokio::spawn(service.request(ask("s", "tool", "act", "/tmp"))));
    let asks: Vec<_> = asks.collect();
    for seen in 0..20 {
        let request = loop {
            if let Some(Event::Opened(request)) = prompts.next().await {
                break request;
            }
        };
        let resolved = if seen < 10 { service.grant(request.id) } else { service.deny(request.id) };
        assert!(resolved);
    }
    let results = join_all(asks).await.into_iter();
    let decisions = results.map(|it| it.expect("no panic").expect("a decision"));
    assert_eq!(decisions.filter(Decision::is_allowed).count(), 10);
    assert_quiescent(&service);
}

/// S8
#[leak_test]
async fn a_thousand_asks_in_a_row_finish_in_skip_mode() {
    let service = PermissionService::new("/tmp", true, None::<String>);
    for _ in 0..1000 {
        let asking = service.request(ask("s", "bash", "execute", "/tmp"));
        assert!(asking.await.expect("a decision").is_allowed());
    }
}

/// S8
#[leak_test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_times_a_thousand_asks_at_once_finish_in_skip_mode() {
    let service = PermissionService::new("/tmp", true, None::<String>);
    let tasks = (0..10).map(|_| {
        let service = service.clone();
        tokio::spawn(async move {
            for _ in 0..1000 {
                let asking = service.request(ask("s", "bash", "execute", "/tmp"));
                assert!(asking.await.expect("a decision").is_allowed());
            }
        })
    });
    for task in join_all(tasks).await {
        task.expect("no panic");
    }
    assert_eq!(service.stats().pending, 0);
}

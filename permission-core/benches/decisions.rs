//! What a decision costs: without people, and with somebody who answers at once.

use std::hint::black_box;

use criterion::Criterion;
use futures::executor::block_on;
use futures::future::join;
use permission_core::{Ask, Event, PermissionService, RequestId, Verdict};
use tokio_util::sync::CancellationToken;

fn ask() -> Ask {
    Ask::new("session", "edit", "write").tool_call("call").path("/repo/src/main.rs")
}

fn allowing(entries: &[&str]) -> PermissionService {
    PermissionService::new("/repo", false, entries.iter().copied())
}

/// Asks, answers by `answer` as a subscriber, and returns when the requester has the decision.
async fn prompted(service: &PermissionService, answer: fn(&PermissionService, RequestId) -> bool) {
    let mut prompts = service.subscribe(CancellationToken::new());
    let screen = async {
        let Some(Event::Opened(request)) = prompts.next().await else {
            panic!("a prompt comes first");
        };
        assert!(answer(service, request.id));
    };
    let (decision, ()) = join(service.request(ask()), screen).await;
    assert!(decision.expect("a decision").is_allowed());
}

fn request(service: &PermissionService) {
    let decision = block_on(service.request(black_box(ask()))).expect("a decision");
    assert!(decision.is_allowed());
}

fn decisions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decision");

    let skipping = PermissionService::new("/repo", true, None::<String>);
    group.bench_function("skip", |bencher| bencher.iter(|| request(&skipping)));

    let listed = allowing(&["view", "ls", "grep", "bash:list", "edit:read", "edit:write"]);
    group.bench_function("allow-list", |bencher| bencher.iter(|| request(&listed)));

    let granted = allowing(&[]);
    block_on(prompted(&granted, PermissionService::grant_persistent));
    group.bench_function("session grant", |bencher| bencher.iter(|| request(&granted)));
    group.bench_function("session grant, checked", |bencher| {
        let ask = ask();
        bencher.iter(|| assert_ne!(granted.check(black_box(&ask)), Verdict::Ask));
    });

    let asking = allowing(&[]);
    group.bench_function("prompt to answer", |bencher| {
        bencher.iter(|| block_on(prompted(&asking, PermissionService::grant)));
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    decisions(&mut criterion);
    criterion.final_summary();
}

//! S7, SequentialProperties: any sequence of operations agrees with a model of a few lines.

use std::collections::BTreeMap;

use futures::FutureExt;
use permission_core::ToolCallId;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::model::{Answer, End, Key, Model, Told};
use crate::support::*;

#[derive(Clone, Debug)]
enum Op {
    Ask(Key),
    AskInVain(Key),
    Answer(Index, Answer),
    AnswerLate(Index, Answer),
    Cancel(Index),
    Drop(Index),
    SetSkip(bool),
    AutoApprove(u8),
    CancelSession(u8),
    EndSession(u8),
    Revoke(Index),
    JoinLate,
}

fn key() -> impl Strategy<Value = Key> {
    (0..3u8, 0..2u8, 0..2u8).prop_map(|(session, tool, path)| Key { session, tool, path })
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        Just(Answer::Once),
        Just(Answer::Session),
        Just(Answer::Deny),
        Just(Answer::Dismiss)
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => key().prop_map(Op::Ask),
        1 => key().prop_map(Op::AskInVain),
        8 => (any::<Index>(), answer()).prop_map(|(nth, it)| Op::Answer(nth, it)),
        2 => (any::<Index>(), answer()).prop_map(|(nth, it)| Op::AnswerLate(nth, it)),
        2 => any::<Index>().prop_map(Op::Cancel),
        2 => any::<Index>().prop_map(Op::Drop),
        1 => any::<bool>().prop_map(Op::SetSkip),
        1 => (0..3u8).prop_map(Op::AutoApprove),
        1 => (0..3u8).prop_map(Op::CancelSession),
        2 => (0..3u8).prop_map(Op::EndSession),
        1 => any::<Index>().prop_map(Op::Revoke),
        1 => Just(Op::JoinLate),
    ]
}

/// A call that waits, as the service knows it.
struct Call {
    id: RequestId,
    token: CancellationToken,
    asking: Asking,
}

/// The service and the model, side by side.
struct Pair {
    service: PermissionService,
    prompts: Subscription,
    calls: Notifications,
    model: Model,
    asked: usize,
    waiting: BTreeMap<usize, Call>,
    numbers: BTreeMap<RequestId, usize>,
    over: Vec<RequestId>,
}

impl Pair {
    fn new() -> Self {
        let service = service();
        Self {
            prompts: subscribe(&service),
            calls: listen(&service),
            service,
            model: Model::default(),
            asked: 0,
            waiting: BTreeMap::new(),
            numbers: BTreeMap::new(),
            over: Vec::new(),
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Ask(key) => self.ask(key),
            Op::AskInVain(key) => drop(self.service.request(key.ask(usize::MAX))),
            Op::Answer(nth, answer) => self.answer(nth, answer),
            Op::AnswerLate(nth, answer) => self.answer_late(nth, answer),
            Op::Cancel(nth) => self.cancel(nth),
            Op::Drop(nth) => self.drop_one(nth),
            Op::SetSkip(on) => {
                self.service.set_skip(on);
                self.model.set_skip(on);
            }
            Op::AutoApprove(session) => {
                self.service.auto_approve_session(&Key::session(session));
                self.model.auto_approve(session);
            }
            Op::CancelSession(session) => {
                let cancelled = self.service.cancel_session(&Key::session(session));
                assert_eq!(cancelled, self.model.cancel_session(session));
            }
            Op::EndSession(session) => {
                let cancelled = self.service.end_session(&Key::session(session));
                assert_eq!(cancelled, self.model.end_session(session));
            }
            Op::Revoke(nth) => self.revoke(nth),
            Op::JoinLate => self.join_late(),
        }
    }

    fn ask(&mut self, key: Key) {
        let call = self.asked;
        self.asked += 1;
        let token = CancellationToken::new();
        let (service, until) = (self.service.clone(), token.clone());
        let mut asking: Asking =
            Box::pin(async move { service.request_until(key.ask(call), &until).await });
        match self.model.ask(call, key) {
            Some(end) => assert_eq!(End::of_result(&settled(asking)), end),
            None => {
                assert!(waits(&mut asking), "people are asked");
                let id = self.service.pending().pop().expect("it is pending").id;
                self.waiting.insert(call, Call { id, token, asking });
                self.numbers.insert(id, call);
            }
        }
    }

    fn answer(&mut self, nth: Index, answer: Answer) {
        if let Some(call) = self.pick(nth) {
            assert!(self.respond(self.waiting[&call].id, answer));
            self.model.answer(call, answer);
        }
    }

    fn answer_late(&mut self, nth: Index, answer: Answer) {
        if !self.over.is_empty() {
            assert!(!self.respond(*nth.get(&self.over), answer));
        }
    }

    fn respond(&self, id: RequestId, answer: Answer) -> bool {
        match answer {
            Answer::Once => self.service.grant(id),
            Answer::Session => self.service.grant_persistent(id),
            Answer::Deny => self.service.deny(id),
            Answer::Dismiss => self.service.respond(id, Response::Dismiss).is_ok(),
        }
    }

    fn cancel(&mut self, nth: Index) {
        if let Some(call) = self.pick(nth) {
            self.waiting[&call].token.cancel();
            self.model.close(call, End::Cancelled);
        }
    }

    fn drop_one(&mut self, nth: Index) {
        if let Some(call) = self.pick(nth) {
            let dropped = self.waiting.remove(&call).expect("it waits");
            self.over.push(dropped.id);
            drop(dropped);
            self.model.close(call, End::Withdrawn);
        }
    }

    fn revoke(&mut self, nth: Index) {
        let grants = self.service.grants();
        if grants.is_empty() {
            return;
        }
        let grant = nth.get(&grants);
        assert!(self.service.revoke(grant.id));
        let before = self.model.grants.len();
        self.model.grants.retain(|key| !grant.covers(&key.ask(0)));
        assert_eq!(self.model.grants.len(), before - 1);
    }

    /// A subscriber that comes now is shown what waits, and nothing else.
    fn join_late(&self) {
        let mut prompts = subscribe(&self.service);
        for call in self.waiting.values() {
            assert_eq!(opened(&mut prompts).id, call.id);
        }
        assert!(prompts.try_next().is_none());
    }

    fn pick(&self, nth: Index) -> Option<usize> {
        let calls: Vec<_> = self.waiting.keys().collect();
        (!calls.is_empty()).then(|| **nth.get(&calls))
    }

    /// Everything that can be seen of the service is what the model says.
    fn check(&mut self) {
        let ended = self.collect_ended();
        let told = std::mem::take(&mut self.model.told);
        let closed = told.iter().filter_map(|told| match *told {
            Told::Closed(_, End::Withdrawn) | Told::Opened(_) => None,
            Told::Closed(call, end) => Some((call, end)),
        });
        assert_eq!(ended, closed.collect(), "results");
        assert_eq!(self.drain_prompts(), told, "events");
        assert_eq!(self.drain_calls(), std::mem::take(&mut self.model.heard), "notifications");

        assert!(self.waiting.keys().eq(self.model.open.keys()));
        let pending = self.service.pending().into_iter().map(|request| request.id);
        assert!(pending.eq(self.waiting.values().map(|call| call.id)), "pending, by seq");
        self.check_rules();
    }

    fn check_rules(&self) {
        let stats = self.service.stats();
        assert_eq!(stats.grants, self.model.grants.len());
        assert_eq!(stats.pending, self.model.open.len());
        assert_eq!(stats.opened - stats.closed, self.model.open.len() as u64);
        assert_eq!((stats.subscribers, stats.listeners), (1, 1));
        for (session, tool, path) in (0..12).map(|n| (n % 3, n / 3 % 2, n / 6)) {
            let key = Key { session, tool, path };
            let free = self.model.skip
                || self.model.auto_approved.contains(&session)
                || self.model.grants.contains(&key);
            assert_eq!(self.service.check(&key.ask(0)) != Verdict::Ask, free, "{key:?}");
        }
    }

    fn collect_ended(&mut self) -> BTreeMap<usize, End> {
        let mut ended = BTreeMap::new();
        for (number, call) in &mut self.waiting {
            if let Some(result) = (&mut call.asking).now_or_never() {
                ended.insert(*number, End::of_result(&result));
                self.over.push(call.id);
            }
        }
        self.waiting.retain(|number, _| !ended.contains_key(number));
        ended
    }

    fn drain_prompts(&mut self) -> Vec<Told> {
        let events = std::iter::from_fn(|| self.prompts.try_next());
        let told = events.map(|event| match event {
            Event::Opened(request) => Told::Opened(self.numbers[&request.id]),
            Event::Closed { id, outcome, .. } => {
                Told::Closed(self.numbers[&id], End::of_outcome(&outcome))
            }
            other => panic!("{other:?}"),
        });
        told.collect()
    }

    fn drain_calls(&mut self) -> Vec<(usize, ToolCallState)> {
        let number = |call: ToolCallId| call.as_str().parse().expect("calls are numbers");
        let heard = std::iter::from_fn(|| self.calls.try_next());
        heard.map(|it| (number(it.tool_call_id), it.state)).collect()
    }
}

/// What is left when all callers are gone is nothing.
async fn check_sequence(ops: Vec<Op>) {
    let mut pair = Pair::new();
    for op in ops {
        pair.apply(op);
        pair.check();
    }
    pair.waiting.clear();
    assert_quiescent(&pair.service);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// S7
    #[test]
    fn sequential_properties(ops in prop::collection::vec(op(), 0..60)) {
        leak_check(check_sequence(ops));
    }
}

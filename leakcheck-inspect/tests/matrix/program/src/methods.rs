//! Methods of types and traits: an `impl` has no name of its own, and is called as its type.

use std::marker::PhantomData;
use std::pin::Pin;

use tokio::sync::oneshot;

use crate::harness::{Park, ways};

type Question = oneshot::Receiver<u8>;
type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

fn question(park: &mut Park) -> Question {
    let (sender, receiver) = oneshot::channel();
    park.keep(sender);
    receiver
}

struct Cache {
    question: Question,
}

impl Cache {
    async fn load(&mut self) -> u8 {
        (&mut self.question).await.unwrap_or(0) //~ load
    }

    async fn shared(self: std::sync::Arc<Self>, question: Question) -> u8 {
        question.await.unwrap_or(0) //~ shared
    }
}

trait Store {
    fn get(&mut self) -> impl Future<Output = u8> + Send;

    fn get_or(&mut self, other: u8) -> impl Future<Output = u8> + Send
    where
        Self: Send,
    {
        async move {
            self.get().await.max(other) //~ get_or
        }
    }
}

impl Store for Cache {
    async fn get(&mut self) -> u8 {
        self.load().await //~ get
    }
}

//= program::methods::inherent::{async block} at ~inherent
//=   program::methods::Cache::load at ~load
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn inherent(park: &mut Park) {
    let mut cache = Cache { question: question(park) };
    park.spawn(async move {
        cache.load().await //~ inherent
    });
}

//= program::methods::Cache::shared at ~shared
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn on_an_arc(park: &mut Park) {
    let cache = Cache { question: question(park) };
    let question = question(park);
    park.spawn(std::sync::Arc::new(cache).shared(question));
}

//= program::methods::of_a_trait::{async block} at ~of_a_trait
//=   <program::methods::Cache as program::methods::Store>::get at ~get
//=     program::methods::Cache::load at ~load
//=       tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn of_a_trait(park: &mut Park) {
    let mut cache = Cache { question: question(park) };
    park.spawn(async move {
        Store::get(&mut cache).await //~ of_a_trait
    });
}

//= program::methods::provided::{async block} at ~provided
//=   program::methods::Store::get_or::{async block} at ~get_or
//=     <program::methods::Cache as program::methods::Store>::get at ~get
//=       program::methods::Cache::load at ~load
//=         tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn provided(park: &mut Park) {
    let mut cache = Cache { question: question(park) };
    park.spawn(async move {
        cache.get_or(3).await //~ provided
    });
}

struct Pool<T> {
    question: Question,
    of: PhantomData<T>,
}

impl<T: Send> Pool<T> {
    async fn take(self) -> u8 {
        self.question.await.unwrap_or(0) //~ take
    }
}

impl<T: Send> Store for Pool<T> {
    async fn get(&mut self) -> u8 {
        (&mut self.question).await.unwrap_or(0) //~ pool_get
    }
}

//= program::methods::Pool::take at ~take
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn of_a_generic_type(park: &mut Park) {
    let pool = Pool { question: question(park), of: PhantomData::<Vec<u8>> };
    park.spawn(pool.take());
}

//= program::methods::of_a_generic_type_and_a_trait::{async block} at ~of_generic_and_trait
//=   <program::methods::Pool as program::methods::Store>::get at ~pool_get
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn of_a_generic_type_and_a_trait(park: &mut Park) {
    let mut pool = Pool { question: question(park), of: PhantomData::<String> };
    park.spawn(async move {
        pool.get().await //~ of_generic_and_trait
    });
}

//= program::methods::of_any_store::{async block} at ~of_any_store
//=   program::methods::twice at ~twice
//=     <program::methods::Cache as program::methods::Store>::get at ~get
//=       program::methods::Cache::load at ~load
//=         tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn of_any_store(park: &mut Park) {
    let mut cache = Cache { question: question(park) };
    park.spawn(async move {
        twice(&mut cache).await //~ of_any_store
    });
}

async fn twice(store: &mut impl Store) -> u8 {
    store.get().await + store.get().await //~ twice
}

/// As `#[async_trait]` writes it.
trait Service: Send + Sync {
    fn call<'a>(&'a self, question: Question) -> Boxed<'a, u8>;
}

struct Loud;

impl Service for Loud {
    fn call<'a>(&'a self, question: Question) -> Boxed<'a, u8> {
        Box::pin(async move {
            let _self = self;
            question.await.unwrap_or(0) //~ loud_call
        })
    }
}

//= program::methods::boxed_by_a_trait::{async block} at ~boxed_by_a_trait
//=   <program::methods::Loud as program::methods::Service>::call::{async block} at ~loud_call
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn boxed_by_a_trait(park: &mut Park) {
    let question = question(park);
    let service: Box<dyn Service> = Box::new(Loud);
    park.spawn(async move {
        service.call(question).await //~ boxed_by_a_trait
    });
}

ways![
    inherent,
    on_an_arc,
    of_a_trait,
    provided,
    of_a_generic_type,
    of_a_generic_type_and_a_trait,
    of_any_store,
    boxed_by_a_trait,
];

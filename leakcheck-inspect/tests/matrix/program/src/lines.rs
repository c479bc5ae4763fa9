//! Which line it is: several awaits in one function, and awaits that are not where the statement is.

use tokio::sync::oneshot;

use crate::harness::{Park, ways};

type Question = oneshot::Receiver<u8>;

fn question(park: &mut Park) -> Question {
    let (sender, receiver) = oneshot::channel();
    park.keep(sender);
    receiver
}

fn answered() -> Question {
    let (sender, receiver) = oneshot::channel();
    sender.send(7).expect("open");
    receiver
}

async fn ask(question: Question) -> u8 {
    question.await.unwrap_or(0) //~ ask
}

async fn three_awaits([one, two, three]: [Question; 3]) -> u8 {
    let mut sum = one.await.unwrap_or(0); //~ first_await

    sum += two.await.unwrap_or(0); //~ second_await
    for _ in 0..1 {
        sum += ask(answered()).await;
    }

    sum + three.await.unwrap_or(0) //~ third_await
}

//= program::lines::three_awaits at ~first_await
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn at_the_first_await(park: &mut Park) {
    let question = question(park);
    park.spawn(three_awaits([question, answered(), answered()]));
}

//= program::lines::three_awaits at ~second_await
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn at_the_second_await(park: &mut Park) {
    let question = question(park);
    park.spawn(three_awaits([answered(), question, answered()]));
}

//= program::lines::three_awaits at ~third_await
//=   tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn at_the_third_await(park: &mut Park) {
    let question = question(park);
    park.spawn(three_awaits([answered(), answered(), question]));
}

//= program::lines::in_a_loop::{async block} at ~second_in_loop
//=   program::lines::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn in_a_loop(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let mut questions = vec![question, answered(), answered(), answered()];
        loop {
            let Some(question) = questions.pop() else { break };
            ask(question).await; //~ first_in_loop
            let Some(question) = questions.pop() else { break };
            ask(question).await; //~ second_in_loop
        }
    });
}

//= program::lines::method_chain::{async block} at ~method_chain
//=   program::lines::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn method_chain(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        [question]
            .map(ask)
            .into_iter()
            .next()
            .expect("there is one")
            .await //~ method_chain
            .checked_add(1)
            .unwrap_or_default()
    });
}

//= program::lines::arguments_on_lines::{async block} at ~arguments_on_lines
//=   program::lines::three_awaits at ~second_await
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn arguments_on_lines(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let sum = three_awaits([
            answered(), // the first
            question,   // the second
            answered(), // the third
        ])
        .await; //~ arguments_on_lines
        sum + 1
    });
}

//= program::lines::in_an_argument::{async block} at ~in_an_argument
//=   program::lines::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn in_an_argument(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        u8::max(
            ask(answered()).await,
            ask(question).await, //~ in_an_argument
        )
    });
}

async fn try_ask(question: Question) -> Result<u8, oneshot::error::RecvError> {
    let answer = question.await?; //~ try_ask
    Ok(answer)
}

//= program::lines::question_marks::{async block} at ~question_marks
//=   program::lines::try_ask at ~try_ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn question_marks(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let sum = try_ask(answered()).await?
            + try_ask(question).await? //~ question_marks
            + try_ask(answered()).await?;
        Ok::<_, oneshot::error::RecvError>(sum)
    });
}

//= program::lines::match_condition::{async block} at ~match_condition
//=   program::lines::try_ask at ~try_ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn match_condition(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        match try_ask(question).await {
            //~^ match_condition
            Ok(0) => ask(answered()).await,
            Ok(answer) => answer,
            Err(_) => 1,
        }
    });
}

//= program::lines::if_let_condition::{async block} at ~if_let_condition
//=   program::lines::try_ask at ~try_ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn if_let_condition(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        if let Ok(answer) = try_ask(answered()).await {
            ask(answered()).await;
            if let Ok(_other) = try_ask(
                question, // over several lines
            )
            .await
            //~^ if_let_condition
            {
                return answer;
            }
        }
        0
    });
}

//= program::lines::while_condition::{async block} at ~while_condition
//=   program::lines::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn while_condition(park: &mut Park) {
    let mut questions = vec![question(park), answered()];
    park.spawn(async move {
        while ask(questions.pop().expect("one")).await == 7 {
            //~^ while_condition
            ask(answered()).await;
        }
    });
}

//= program::lines::match_arm::{async block} at ~match_arm
//=   program::lines::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn match_arm(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        match ask(answered()).await {
            0 => 0,
            7 => ask(question).await, //~ match_arm
            _ => ask(answered()).await,
        }
    });
}

//= program::lines::let_else::{async block} at ~let_else
//=   program::lines::try_ask at ~try_ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn let_else(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let Ok(answer) = try_ask(question).await else {
            //~^ let_else
            return 0;
        };
        answer
    });
}

/// The user's own macro: its line is where its `.await` is written.
macro_rules! ask_it {
    ($question:expr) => {
        ask($question).await //~ own_macro
    };
}

//= program::lines::own_macro::{async block} at ~own_macro
//=   program::lines::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn own_macro(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let answer = ask_it!(question);
        answer + 1
    });
}

macro_rules! evaluate {
    ($value:expr) => {
        $value
    };
}

//= program::lines::await_in_an_argument_of_a_macro::{async block} at ~macro_argument
//=   program::lines::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn await_in_an_argument_of_a_macro(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let answer = evaluate!({
            ask(answered()).await;
            ask(question).await //~ macro_argument
        });
        answer + 1
    });
}

//= program::lines::await_in_a_block_of_a_macro::{async block} at ~macro_block
//=   program::lines::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn await_in_a_block_of_a_macro(park: &mut Park) {
    let question = question(park);
    park.spawn(block_of! {
        ask(question).await //~ macro_block
    });
}

//= program::lines::await_in_format::{async block} at ~await_in_format
//=   program::lines::ask at ~ask
//=     tokio::sync::oneshot::Receiver<u8> [an answer, 1 sender left]
fn await_in_format(park: &mut Park) {
    let question = question(park);
    park.spawn(async move {
        let text = format!(
            "{} and {}",
            ask(answered()).await,
            ask(question).await, //~ await_in_format
        );
        text.len()
    });
}

ways![
    at_the_first_await,
    at_the_second_await,
    at_the_third_await,
    in_a_loop,
    method_chain,
    arguments_on_lines,
    in_an_argument,
    question_marks,
    match_condition,
    if_let_condition,
    while_condition,
    match_arm,
    let_else,
    own_macro,
    await_in_an_argument_of_a_macro,
    await_in_a_block_of_a_macro,
    await_in_format,
];

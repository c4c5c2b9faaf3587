//! Look-ups by key, as many as wait in one statement: what each request asks for before it is let in would cost a
//! round trip each otherwise, and more of the server's time than the payment itself.
//!
//! There is no timer: a look-up that comes alone is asked alone, and what arrives meanwhile is asked next, together.

use super::connection::Connection;
use super::server::Server;
use super::settings::Timeouts;
use super::threads::Session;
use crate::store::connection::Set;
use crate::store::pool::Pool;
use crate::store::{LookUp, Row, StoreError, Value};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Look-ups in one statement at most.
const TOGETHER_MAX: usize = 512;

/// A look-up that waits, and until when it may.
pub(super) struct Queued {
    pub(super) question: Box<dyn Question>,
    pub(super) deadline: Instant,
}

/// A look-up whose result type is known only to itself.
pub(super) trait Question: Send {
    fn text(&self) -> &'static str;
    fn key(&self) -> Vec<Value<'_>>;
    /// Keeps the row that was found.
    fn keep(&mut self, row: &Row<'_>);
    /// Answers with what was kept, or with what went wrong.
    fn answer(self: Box<Self>, result: Result<(), StoreError>);
    /// Whether nobody waits for it any more.
    fn is_moot(&self) -> bool;
}

/// A look-up, and the one who waits for it.
pub(super) struct Asking<T> {
    look_up: LookUp<T>,
    found: Result<Option<T>, StoreError>,
    reply: oneshot::Sender<Answered<T>>,
}

/// The look-up comes back with its result, so that it can be asked again.
pub(super) type Answered<T> = (LookUp<T>, Result<Option<T>, StoreError>);

impl<T> Asking<T> {
    pub(super) const fn new(look_up: LookUp<T>, reply: oneshot::Sender<Answered<T>>) -> Self {
        Self { look_up, found: Ok(None), reply }
    }
}

impl<T: Send> Question for Asking<T> {
    fn text(&self) -> &'static str {
        self.look_up.text()
    }

    fn key(&self) -> Vec<Value<'_>> {
        self.look_up.key().collect()
    }

    fn keep(&mut self, row: &Row<'_>) {
        let read = AssertUnwindSafe(|| self.look_up.read(row));
        self.found = catch_unwind(read).unwrap_or(Err(StoreError::Panicked)).map(Some);
    }

    fn answer(self: Box<Self>, result: Result<(), StoreError>) {
        let found = result.and(self.found);
        // Nobody listens when the client hung up.
        let _ = self.reply.send((self.look_up, found));
    }

    fn is_moot(&self) -> bool {
        self.reply.is_closed()
    }
}

/// Until every sender is gone and the queue is empty.
pub(super) fn run(server: &Server, timeouts: Timeouts, queue: &flume::Receiver<Queued>, pool: &Pool) {
    let mut session = Session::new(None, server, timeouts);
    while let Ok(first) = queue.recv() {
        let _busy = pool.busy();
        let mut questions = Vec::new();
        for Queued { question, deadline } in std::iter::once(first).chain(queue.try_iter().take(TOGETHER_MAX - 1)) {
            if Instant::now() >= deadline {
                question.answer(Err(StoreError::Overloaded));
            } else if !question.is_moot() {
                questions.push(question);
            }
        }
        metrics::histogram!("database_look_up_batch_size").record(u32::try_from(questions.len()).unwrap_or(u32::MAX));
        questions.sort_by_key(|question| question.text().as_ptr().addr());
        while let Some(text) = questions.last().map(|question| question.text()) {
            let alike = questions.iter().rposition(|question| !std::ptr::eq(question.text(), text));
            ask(&mut session, text, questions.split_off(alike.map_or(0, |last| last + 1)));
        }
    }
}

/// Asks some questions of one text. If one of them is refused, each is asked alone and hears what is its own fault.
/// While the database is out, nobody is asked for: whoever may wait longer asks again.
fn ask(session: &mut Session<'_>, text: &'static str, mut questions: Vec<Box<dyn Question>>) {
    let asked = session.connection().and_then(|connection| together(connection, text, &mut questions));
    match asked {
        Ok(()) => questions.into_iter().for_each(|question| question.answer(Ok(()))),
        Err(error) if error.is_outage() && questions.len() > 1 => {
            tracing::debug!(error = &error as &dyn std::error::Error, questions = questions.len(), "a round failed");
            questions.into_iter().for_each(|question| question.answer(Err(StoreError::Busy(None))));
        }
        Err(error) => match <[_; 1]>::try_from(questions) {
            Ok([alone]) => alone.answer(Err(error)),
            Err(several) => several.into_iter().for_each(|question| ask(session, text, vec![question])),
        },
    }
}

fn together(
    connection: &Connection,
    text: &'static str,
    questions: &mut [Box<dyn Question>],
) -> Result<(), StoreError> {
    let found = {
        let keys: Vec<Vec<Value<'_>>> = questions.iter().map(|question| question.key()).collect();
        let width = keys.first().map_or(1, Vec::len);
        let values = keys.concat();
        connection.query_placed(text, Set::of(&values, width))?
    };
    for (place, row) in &found {
        let question = questions.get_mut(*place).ok_or(StoreError::Broken("a row for a question that nobody asked"))?;
        question.keep(&Row::from(row));
    }
    Ok(())
}

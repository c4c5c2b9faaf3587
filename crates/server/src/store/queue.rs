//! Handing work to a thread, which never waits: a queue that is full says so.

use super::StoreError;

pub(super) fn try_send<T>(queue: &flume::Sender<T>, message: T) -> Result<(), StoreError> {
    queue.try_send(message).map_err(|error| match error {
        flume::TrySendError::Full(_) => StoreError::Overloaded,
        flume::TrySendError::Disconnected(_) => StoreError::Closed,
    })
}

//! Typed parameters and typed columns: the words in which `store` speaks to a database.

use domain::audit::{Action, EntityType};
use domain::content::{ContentType, Price};
use domain::gift::BoardPeriod;
use domain::id::{
    ApiKeyId, AuditId, ContentId, DepositId, GiftId, PaymentEventId, PayoutId, ReconciliationId, RefundId, SessionId,
    SubscriptionId, TransactionId, UnlockId, UserId, WalletId,
};
use domain::money::{Amount, Cents};
use domain::payment::EventOutcome;
use domain::payout::PayoutStatus;
use domain::receipt::DepositStatus;
use domain::sale::Source;
use domain::subscription::{PlanTier, SubscriptionStatus};
use domain::timestamp::Timestamp;
use domain::transaction::TransactionType;
use domain::user::{AccountStatus, Role, Tier};
use domain::wallet::WalletStatus;
use uuid::Uuid;

/// One parameter of a statement.
#[derive(Clone, Copy, Debug)]
pub enum Value<'value> {
    /// No value.
    Null,
    /// A whole number: cents, microseconds, counts.
    Integer(i64),
    /// A text.
    Text(&'value str),
    /// Bytes.
    Bytes(&'value [u8]),
    /// An id.
    Id(Uuid),
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl<'value> From<&'value str> for Value<'value> {
    fn from(text: &'value str) -> Self {
        Self::Text(text)
    }
}

impl<'value> From<&'value [u8]> for Value<'value> {
    fn from(bytes: &'value [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Uuid> for Value<'_> {
    fn from(id: Uuid) -> Self {
        Self::Id(id)
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(moment: Timestamp) -> Self {
        Self::Integer(moment.as_micros())
    }
}

impl From<Cents> for Value<'_> {
    fn from(cents: Cents) -> Self {
        Self::Integer(cents.get())
    }
}

impl From<Amount> for Value<'_> {
    fn from(amount: Amount) -> Self {
        Self::Integer(amount.credit().get())
    }
}

impl From<Price> for Value<'_> {
    fn from(price: Price) -> Self {
        price.cents().into()
    }
}

impl From<bool> for Value<'_> {
    fn from(switch: bool) -> Self {
        Self::Integer(i64::from(switch))
    }
}

impl<'value, T: Into<Value<'value>>> From<Option<T>> for Value<'value> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// What a column can be read as.
pub trait Column: Sized {
    /// For the message when it cannot.
    const NAME: &'static str;

    /// Reads the value, or `None` if it is something else.
    fn read(value: Value<'_>) -> Option<Self>;
}

impl<T: Column> Column for Option<T> {
    const NAME: &'static str = T::NAME;

    fn read(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::read(value).map(Some),
        }
    }
}

impl Column for i64 {
    const NAME: &'static str = "a whole number";

    fn read(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Integer(number) => Some(number),
            _ => None,
        }
    }
}

impl Column for String {
    const NAME: &'static str = "a text";

    fn read(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }
}

impl Column for Vec<u8> {
    const NAME: &'static str = "bytes";

    fn read(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => Some(bytes.to_vec()),
            _ => None,
        }
    }
}

impl<const N: usize> Column for [u8; N] {
    const NAME: &'static str = "bytes of a fixed length";

    fn read(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => bytes.try_into().ok(),
            _ => None,
        }
    }
}

impl Column for Uuid {
    const NAME: &'static str = "an id";

    fn read(value: Value<'_>) -> Option<Self> {
        <[u8; 16]>::read(value).map(Self::from_bytes)
    }
}

impl Column for Timestamp {
    const NAME: &'static str = "a moment";

    fn read(value: Value<'_>) -> Option<Self> {
        i64::read(value).map(Self::from_micros)
    }
}

impl Column for Cents {
    const NAME: &'static str = "cents";

    fn read(value: Value<'_>) -> Option<Self> {
        i64::read(value).map(Self::new)
    }
}

impl Column for Amount {
    const NAME: &'static str = "a positive amount of cents";

    fn read(value: Value<'_>) -> Option<Self> {
        i64::read(value).and_then(|cents| Self::new(cents).ok())
    }
}

impl Column for bool {
    const NAME: &'static str = "0 or 1";

    fn read(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Integer(0) => Some(false),
            Value::Integer(1) => Some(true),
            _ => None,
        }
    }
}

impl Column for Price {
    const NAME: &'static str = "a price";

    fn read(value: Value<'_>) -> Option<Self> {
        i64::read(value).and_then(|cents| Self::new(cents).ok())
    }
}

/// The same few lines for every id: a UUID on the way in and on the way out.
macro_rules! id_values {
    ($($id:ident),+) => {$(
        impl From<$id> for Value<'_> {
            fn from(id: $id) -> Self {
                Self::Id(id.uuid())
            }
        }

        impl Column for $id {
            const NAME: &'static str = stringify!($id);

            fn read(value: Value<'_>) -> Option<Self> {
                Uuid::read(value).map(Self::new)
            }
        }
    )+};
}

id_values!(
    ApiKeyId,
    AuditId,
    ContentId,
    DepositId,
    GiftId,
    PaymentEventId,
    PayoutId,
    ReconciliationId,
    RefundId,
    SessionId,
    SubscriptionId,
    TransactionId,
    UnlockId,
    UserId,
    WalletId
);

/// The same few lines for every enum of words: its word on the way in and on the way out.
macro_rules! word_values {
    ($($word:ident),+) => {$(
        impl From<$word> for Value<'_> {
            fn from(word: $word) -> Self {
                Self::Text(word.as_str())
            }
        }

        impl Column for $word {
            const NAME: &'static str = stringify!($word);

            fn read(value: Value<'_>) -> Option<Self> {
                match value {
                    Value::Text(text) => Self::parse(text),
                    _ => None,
                }
            }
        }
    )+};
}

word_values!(
    AccountStatus,
    Action,
    BoardPeriod,
    ContentType,
    DepositStatus,
    EntityType,
    EventOutcome,
    PayoutStatus,
    PlanTier,
    Role,
    Source,
    SubscriptionStatus,
    Tier,
    TransactionType,
    WalletStatus
);

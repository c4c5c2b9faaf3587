//! Stopping wallets, and letting them move again.

use super::{Context, Denial, Done, Event};
use crate::store::Work;
use crate::store::wallets::{self, Wallet};
use domain::audit::{Action, EntityType, Value};
use domain::id::{UserId, WalletId};
use domain::text::Reason;
use domain::wallet::WalletStatus;

/// Gives the wallet of a user a status. One that has it already stays as it is, and nothing goes on record.
///
/// The ledger reads the status in the unit of work of each payment: a payment that waits in the queue meets the
/// new one. It locks the wallet, so it may run beside the ledger in [`crate::store::Database::write_locked`].
///
/// # Errors
/// If the database fails.
pub fn set_status(
    work: &mut Work<'_>,
    context: &Context,
    id: WalletId,
    status: WalletStatus,
    reason: &Reason,
) -> Done<Wallet> {
    wallets::lock(work, [id])?;
    // A user's wallet has the user's own UUID. Nobody freezes the system's wallets.
    let owner = UserId::new(id.uuid());
    let Some(wallet) = work.find(&wallets::find_by_user(owner))? else { return Ok(Err(Denial::WalletNotFound)) };
    if wallet.status == status {
        return Ok(Ok(wallet));
    }
    wallets::update_status(work, id, status)?;
    let action = match status {
        WalletStatus::Frozen => Action::WalletFrozen,
        WalletStatus::Active => Action::WalletUnfrozen,
    };
    let word = |status: WalletStatus| ("status", Value::Text(status.as_str().to_owned()));
    let mut event = Event::new(action, EntityType::Wallet, Some(id.uuid()));
    event.before = vec![word(wallet.status)];
    event.after = vec![word(status), ("reason", Value::Text(reason.as_str().to_owned()))];
    context.record(work, event)?;
    Ok(Ok(Wallet { status, ..wallet }))
}

import type { EntityManager } from 'typeorm';

/** Whom a mail goes to. */
export interface Recipient {
  readonly userId: string;
  readonly address: string;
  /** As the person typed it: may hold anything. */
  readonly displayName: string;
}

/**
 * The account's address has not arrived yet. The message that needs it waits by retry: the event that brings the
 * address was committed before, and comes.
 */
export class AddressUnknown extends Error {
  override readonly name = 'AddressUnknown';
  constructor(userId: string) {
    super(`no address is known for user ${userId} yet: its user.registered.v1 has not arrived`);
  }
}

/**
 * Keeps this service's own copy of an address. Safe to repeat; an older version never replaces a newer one.
 *
 * @param version of the account, from the event's `sequence`
 */
export async function keepRecipient(
  manager: EntityManager,
  { userId, address, displayName }: Recipient,
  version: number,
): Promise<void> {
  await manager.query(
    `INSERT INTO recipients (user_id, address, display_name, version)
     VALUES ($1, $2, $3, $4)
     ON CONFLICT (user_id) DO UPDATE
       SET address = excluded.address, display_name = excluded.display_name, version = excluded.version
       WHERE recipients.version < excluded.version`,
    [userId, address, displayName, version],
  );
}

/** @throws AddressUnknown */
export async function recipientOf(manager: EntityManager, userId: string): Promise<Recipient> {
  const rows: { address: string; display_name: string }[] = await manager.query(
    'SELECT address, display_name FROM recipients WHERE user_id = $1',
    [userId],
  );
  const row = rows[0];
  if (!row) throw new AddressUnknown(userId);
  return { userId, address: row.address, displayName: row.display_name };
}

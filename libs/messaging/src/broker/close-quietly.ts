import type { ChannelModel } from 'amqplib';
import { withDeadline } from '../timing.ts';

/** What can be closed and says when it is: a channel or a connection. */
interface Closable {
  close(): Promise<unknown>;
  once(event: 'close', listener: () => void): unknown;
}

/** How long the broker may take to answer that it has closed something, in milliseconds. */
const CLOSE_DEADLINE_MS = 3_000;

/**
 * Closes a channel or a connection and waits until that is done, or can't be waited for any longer: amqplib's own
 * `close` settles only when the broker answers, which one that has gone, or that blocks the connection, never does.
 */
export async function closeQuietly(closable: Closable, deadlineMs = CLOSE_DEADLINE_MS): Promise<void> {
  const closed = new Promise<void>((resolve) => closable.once('close', resolve));
  // It may be closed already, or close by an error: either way it is closed, and that was wanted.
  const asked = closable.close().catch(() => undefined);
  await withDeadline(Promise.race([closed, asked]), deadlineMs);
}

/** Cuts the socket of a connection that could not be closed in order. */
export function cutSocket(model: ChannelModel): void {
  const { stream } = model.connection as { stream?: { destroy(): void } };
  stream?.destroy();
}

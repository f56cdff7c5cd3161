import { Readable } from 'node:stream';
import { applyDecorators, Injectable } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Access } from '../credentials/access-tokens.ts';
import type { Snapshot } from '../live/event-stream.ts';
import { LiveUpdates, type Source } from '../live/live-updates.ts';
import { SeenEntries } from '../live/seen-entries.ts';
import type { Followed } from '../queries/followed.ts';
import { ApiProblems } from './api-problems.ts';
import { invalid } from './strict-validation.pipe.ts';

const HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  // Proxies that gather answers before they pass them on leave this one alone.
  'x-accel-buffering': 'no',
};

/** Where views can be followed that are represented in this way. */
export function sourceOf<View extends { id: string }>(
  queries: {
    follow(ids: readonly string[]): Promise<Followed<View>[]>;
    countEntries(ids: readonly string[]): Promise<Map<string, number>>;
  },
  represent: (view: View) => object,
): Source & { snapshotOf(followed: Followed<View>): Snapshot } {
  const snapshotOf = ({ view, ...rest }: Followed<View>): Snapshot => ({
    ...rest,
    id: view.id,
    body: JSON.stringify(represent(view)),
  });
  return {
    snapshotOf,
    load: async (ids) => (await queries.follow(ids)).map(snapshotOf),
    countEntries: (ids) => queries.countEntries(ids),
  };
}

/** Answers with the changes of something, as they happen: server-sent events. */
@Injectable()
export class EventStreams {
  constructor(private readonly updates: LiveUpdates) {}

  /**
   * @param snapshot of what the caller may see, read just now
   * @throws Problem for a Last-Event-ID that is none
   * @throws TooManyStreams
   */
  send(
    request: FastifyRequest,
    reply: FastifyReply,
    access: Access,
    source: Source,
    snapshot: Snapshot,
  ): void {
    const seen = lastEventOf(request);
    const isOver = this.updates.isSettled(snapshot) && snapshot.entries.every((entry) => seen.has(entry));
    if (isOver) {
      void reply.code(204).header('cache-control', 'no-store').send();
      return;
    }
    if (request.method === 'HEAD') {
      void reply.code(200).headers(HEADERS).send(Readable.from([]));
      return;
    }
    // A request that was read to its end is not taken for one that was cut off, when the client leaves.
    request.raw.resume();
    const stream = this.updates.open(source, snapshot, seen, access, () => reply.raw.destroy());
    void reply.code(200).headers(HEADERS).send(stream);
  }
}

function lastEventOf({ headers }: FastifyRequest): SeenEntries {
  const id = headers['last-event-id'];
  if (id === undefined || id === '') return new SeenEntries();
  const seen = typeof id === 'string' ? SeenEntries.parse(id) : undefined;
  if (seen) return seen;
  throw invalid([
    { in: 'header', pointer: '/last-event-id', detail: 'must be the id of an event of this stream' },
  ]);
}

/** Describes a call that answers with a stream of events. */
export const SendsEvents = (what: string, example: string, response: Function) =>
  applyDecorators(
    ApiOperation({
      summary: `What happens to ${what}, as it happens`,
      description:
        `Server-sent events: one for every entry in the history of the ${what.replace(/^an? /, '')}, those of the past first. ` +
        '`event` is the type of the entry; `data` is the whole as `GET` shows it when the event is sent, so the data of ' +
        'the latest event is all that you need; `id` is not to be taken apart. Events come in the order in which they ' +
        'become known, which may be another than that of their versions; the data never goes back. ' +
        'Comments show every 15 seconds (unless the operator says otherwise) that the stream is alive.\n\n' +
        'When nothing more is expected, the event `end` (without an id, and with `{}` as data) is the last one, and a ' +
        'client that comes back all the same is answered with 204, by which an `EventSource` stops. A stream that ends ' +
        'without it is to be resumed: the access token has expired, the replica stops, or you read too slowly.',
    }),
    ApiHeader({
      name: 'Last-Event-ID',
      required: false,
      description:
        'The id of the last event that you have, from this replica or another. What you have is left out, and nothing else.',
    }),
    ApiOkResponse({
      description: 'The events.',
      headers: {
        'Cache-Control': { schema: { type: 'string', enum: ['no-store'] } },
      },
      content: {
        'text/event-stream': {
          schema: {
            type: 'string',
            contentMediaType: 'text/event-stream',
            description: `The data of each event but \`end\` is of the schema ${getSchemaPath(response)}.`,
          } as object,
          example,
        },
      },
    }),
    ApiResponse({ status: 204, description: 'You have all, and nothing more is expected.' }),
    ApiProblems('validation', 'not-found', 'too-many-streams', 'no-room-for-streams'),
  );

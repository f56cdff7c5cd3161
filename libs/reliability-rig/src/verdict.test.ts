import { judge, type Remains } from './verdict.ts';

const message = (id: string, more: Partial<Remains['committed'][number]> = {}) =>
  ({ id, item: 'a', version: Number(id.slice(1)), kind: 'event', behaviour: 'plain', ...more }) as const;

/** Two events and a dead letter, each as it should be. */
function whole(): Remains {
  return {
    committed: [message('m1'), message('m2'), message('m3', { behaviour: 'gives-up' })],
    effects: ['m1', 'm2'],
    followUps: [
      { id: 'f1', item: 'a', version: 1, cause: 'm1' },
      { id: 'f2', item: 'a', version: 2, cause: 'm2' },
    ],
    confirmations: ['f1', 'f2'],
    longestGapMs: 5,
    unpublished: 0,
    tapped: ['m1', 'm2', 'f1', 'm3', 'f2'],
    dead: [{ id: 'm3', reason: 'permanent-failure' }],
    deadConfirmations: [],
    deliveries: ['m1', 'm2', 'm3'].map((id) => ({
      queue: 'rig-consumer.items',
      id,
      redelivered: false,
      failedAttempts: 0,
    })),
  };
}

/** What the verdict says of remains that differ from whole ones. */
const violations = (difference: Partial<Remains>): string[] =>
  judge({ ...whole(), ...difference }, 1).violations;

describe('the verdict', () => {
  it('finds nothing where every message had its effect once or is a dead letter with its reason', () => {
    expect(violations({})).toEqual([]);
  });

  it('counts what came twice on the wire and takes no offence', () => {
    const { deliveries, tapped } = whole();
    const again = { ...deliveries[0]!, redelivered: true };
    const counts = judge({ ...whole(), tapped: [...tapped, 'm1'], deliveries: [...deliveries, again] }, 1);
    expect(counts).toMatchObject({ publishedTwice: 1, deliveredAgain: 1, redelivered: 1, violations: [] });
  });

  it.each<[what: string, difference: Partial<Remains>, says: RegExp]>([
    [
      'a message that is nowhere',
      { effects: ['m1'], followUps: whole().followUps.slice(0, 1), confirmations: ['f1'] },
      /1 lost: m2/,
    ],
    ['an effect that is there twice', { effects: ['m1', 'm2', 'm2'] }, /more than once: m2/],
    [
      'a dead letter that had an effect',
      { dead: [...whole().dead, { id: 'm1', reason: 'attempts-exhausted' }] },
      /had an effect and are dead letters: m1/,
    ],
    [
      'a dead letter with the reason of another',
      { dead: [{ id: 'm3', reason: 'malformed' }] },
      /not theirs: m3 \(gives-up: malformed\)/,
    ],
    [
      'an effect of a transaction that was rolled back',
      { effects: ['m1', 'm2', 'm9'] },
      /never committed: m9/,
    ],
    [
      'a publish of a transaction that was rolled back',
      { tapped: [...whole().tapped, 'm9'] },
      /seen on the wire and never committed: m9/,
    ],
    [
      'an effect without its follow-up',
      { followUps: whole().followUps.slice(0, 1), confirmations: ['f1'] },
      /not exactly one follow-up: m2/,
    ],
    ['a follow-up that is lost', { confirmations: ['f1'] }, /follow-ups lost: f2/],
    [
      'a follow-up that had its effect twice',
      { confirmations: ['f1', 'f2', 'f2'] },
      /follow-ups had their effect more than once: f2/,
    ],
    [
      'a follow-up that is a dead letter',
      { deadConfirmations: [{ id: 'f2', reason: 'invalid' }] },
      /follow-ups are dead letters: f2/,
    ],
    ['an outbox that is not empty', { unpublished: 4 }, /4 outbox rows were never published/],
    [
      'events that were published out of order',
      { tapped: ['m2', 'm1', 'm3', 'f1', 'f2'] },
      /out of order as published: version 1 of a/,
    ],
    [
      'messages that were delivered out of order',
      { deliveries: [...whole().deliveries].reverse() },
      /out of order as delivered/,
    ],
  ])('finds %s', (_what, difference, says) => {
    expect(violations(difference).join('\n')).toMatch(says);
  });
});

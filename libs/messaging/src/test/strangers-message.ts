import { formatSequence } from '@warren/contracts';
import { v7 as uuidv7 } from 'uuid';

/** The body of a message as a program in another language would write it: what it must have, and no more. */
export function strangersMessage(data: object, { id = uuidv7() as string, subject = 'p-1' } = {}) {
  return {
    specversion: '1.0',
    id,
    source: '/elsewhere',
    type: 'parcel.moved.v1',
    subject,
    time: new Date().toISOString(),
    sequence: formatSequence(1),
    correlationid: 'flow-1',
    data,
  };
}

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { contractOf, type DataClass } from '../define-event.ts';
import { dataSchemaOf, publisherSchemaOf } from '../json-schema.ts';
import { InvalidData, validateInstance } from '../validate-data.ts';

/** As strict as a stranger may set it up: formats are conditions for it, and unknown keywords errors. */
export const strangersAjv = new Ajv2020({ allErrors: true, strict: true });
formats.default(strangersAjv);

export interface Verdicts {
  consumer: { schema: boolean; class: boolean };
  publisher: { schema: boolean; class: boolean };
}

/** What a stranger's validator and class-validator say of the same data. */
export function twoValidators(dataClass: DataClass): (data: object) => Verdicts {
  const ofConsumer = strangersAjv.compile(dataSchemaOf(contractOf(dataClass)));
  const ofPublisher = strangersAjv.compile(publisherSchemaOf(dataClass));
  return (data) => ({
    consumer: { schema: verdict(ofConsumer, data), class: isAcceptedByClass(dataClass, data, 'ignore') },
    publisher: { schema: verdict(ofPublisher, data), class: isAcceptedByClass(dataClass, data, 'refuse') },
  });
}

const verdict = (validate: ValidateFunction, data: object): boolean => validate(data) as boolean;

function isAcceptedByClass(dataClass: DataClass, data: object, unknownFields: 'refuse' | 'ignore'): boolean {
  try {
    validateInstance('test', dataClass, data, unknownFields);
    return true;
  } catch (error) {
    // class-transformer fails on what is no object where it looks for the class of one: refused all the same.
    if (error instanceof InvalidData || error instanceof TypeError) return false;
    throw error;
  }
}

import { names } from '@nx/devkit';

const WORD = '[a-z]+(?:-[a-z]+)*';
const TYPE = new RegExp(`^(?<entity>${WORD})\\.(?<verb>${WORD})(?:\\.v(?<version>[1-9][0-9]*))?$`);

/** Everything that is named after a message. */
export interface MessageName {
  /** `parcel.moved.v1` */
  type: string;
  /** `parcel.moved` */
  unversioned: string;
  version: number;
  entity: string;
  verb: string;
  /** `parcels` */
  entities: string;
  /** `parcel-moved`; of later versions `parcel-moved-v2`. */
  handlerFile: string;
  /** `ParcelMoved`; of later versions `ParcelMovedAsOfV2`, for `ParcelMovedV2` is the contract. */
  handlerClass: string;
  /** `parcel_moved`; of later versions `parcel_moved_v2`. */
  table: string;
}

/** @throws Error saying which form a type has; a version that is not named is the first. */
export function messageName(text: string): MessageName {
  const { entity, verb, version = '1' } = TYPE.exec(text)?.groups ?? {};
  if (!entity || !verb) {
    throw new Error(
      `"${text}" is not <entity>.<verb> or <entity>.<verb>.v<major> in lower case with hyphens, ` +
        'as in parcel.moved or parcel.moved.v2',
    );
  }
  const later = version === '1' ? '' : `-v${version}`;
  const file = `${entity}-${verb}`;
  return {
    type: `${entity}.${verb}.v${version}`,
    unversioned: `${entity}.${verb}`,
    version: Number(version),
    entity,
    verb,
    entities: plural(entity),
    handlerFile: `${file}${later}`,
    handlerClass: `${names(file).className}${later === '' ? '' : `AsOfV${version}`}`,
    table: `${file}${later}`.replaceAll('-', '_'),
  };
}

/** A word in the plural, as directories and exchanges are named. */
export function plural(word: string): string {
  if (/[^aeiou]y$/.test(word)) return `${word.slice(0, -1)}ies`;
  return /(?:s|x|z|ch|sh)$/.test(word) ? `${word}es` : `${word}s`;
}

/** With its article: a parcel, an order. */
export function one(entity: string): string {
  return `${/^[aeiou]/.test(entity) && !/^u[ns](?:[ei]|$)/.test(entity) ? 'an' : 'a'} ${inWords(entity)}`;
}

export const inWords = (hyphened: string): string => hyphened.replaceAll('-', ' ');

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

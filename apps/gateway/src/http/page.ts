import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsOptional, IsUUID, Matches, Max, Min } from 'class-validator';
import { parse } from 'uuid';

const MAX_PAGE = 100;
const CURSOR = /^[\w-]{22}$/;

/** Query of a list. */
export class PageQuery {
  @ApiPropertyOptional({
    description: 'The most items to return.',
    type: 'integer',
    minimum: 1,
    maximum: MAX_PAGE,
    default: 20,
  })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value,
  )
  @IsInt({ message: 'limit must be a whole number' })
  @Min(1)
  @Max(MAX_PAGE)
  limit: number = 20;

  @ApiPropertyOptional({
    description: 'The nextCursor of the page before; without it the list starts at the latest item.',
    type: 'string',
    pattern: CURSOR.source,
  })
  @IsOptional()
  @Matches(CURSOR, { message: 'cursor must be the nextCursor of an earlier page' })
  cursor?: string;
}

/** Path of one item. */
export class ItemPath {
  @ApiProperty({ description: 'Id of the item.', format: 'uuid' })
  @IsUUID()
  id!: string;
}

export interface Page<T> {
  items: T[];
  /** Null on the last page. */
  nextCursor: string | null;
}

/**
 * One page of a list that is ordered by id, the largest first. Since it starts behind an id and not at a position,
 * what is inserted meanwhile moves nothing.
 *
 * @param fetch returns up to `limit` items with ids before the one given
 */
export async function pageOf<T extends { id: string }, R>(
  { limit, cursor }: PageQuery,
  fetch: (limit: number, before: string | undefined) => Promise<T[]>,
  represent: (item: T) => R,
): Promise<Page<R>> {
  const found = await fetch(limit + 1, cursor === undefined ? undefined : idOf(cursor));
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return {
    items: items.map(represent),
    nextCursor: found.length > limit && last ? Buffer.from(parse(last.id)).toString('base64url') : null,
  };
}

/** No check of version bits: any 16 bytes are a place in the order of ids. */
function idOf(cursor: string): string {
  const hex = Buffer.from(cursor, 'base64url').toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

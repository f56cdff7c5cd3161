import { applyDecorators } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import type { ProblemName } from './problem-types.ts';

/** Marks an operation of the OpenAPI document; replaced by full responses when the document is finished. */
export const PROBLEM_MARK = 'x-problem-';

/** Names the problem types that calls may be answered with, beside those that every call may. */
export const ApiProblems = (...names: ProblemName[]) =>
  applyDecorators(...names.map((name) => ApiExtension(`${PROBLEM_MARK}${name}`, true)));

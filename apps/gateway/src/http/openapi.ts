import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { PROBLEM_MARK } from './api-problems.ts';
import { problemDocument, Problem } from './problem.ts';
import { PROBLEM_TYPES, type ProblemName } from './problem-types.ts';

/** What any call may be answered with. */
const ALWAYS: readonly ProblemName[] = ['malformed-request', 'internal', 'unavailable'];

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Response = Operation['responses'][string];

const EXAMPLE_REQUEST = '01912d68-783e-7a3c-8a2c-0c6e6f3f6a09';

const PROBLEM_SCHEMA = {
  type: 'object',
  description: 'An error (RFC 9457).',
  required: ['type', 'title', 'status', 'detail', 'instance'],
  properties: {
    type: { type: 'string', description: 'Where the type of problem is explained, relative to the API.' },
    title: { type: 'string', description: 'The same for every occurrence.' },
    status: { type: 'integer', description: 'The HTTP status.' },
    detail: { type: 'string', description: 'What is wrong with this request.' },
    instance: { type: 'string', description: 'This occurrence: the id of the request.' },
    errors: {
      type: 'array',
      description: 'The fields that are not allowed as they are.',
      items: {
        type: 'object',
        required: ['in', 'pointer', 'detail'],
        properties: {
          in: { type: 'string', enum: ['body', 'query', 'path', 'header'] },
          pointer: { type: 'string', description: 'JSON pointer (RFC 6901) to the field.' },
          detail: { type: 'string' },
        },
      },
    },
  },
};

/** Describes the API from its controllers. */
export function openApiDocument(app: NestFastifyApplication): OpenAPIObject {
  const document = SwaggerModule.createDocument(
    app,
    new DocumentBuilder()
      .setOpenAPIVersion('3.1.0')
      .setTitle('Warren')
      .setDescription(
        'An order platform. What takes longer than a request is accepted with 202 and found under Location. ' +
          'The messages on RabbitMQ are described at [/docs/events](/docs/events) and, for programs, in ' +
          '[/asyncapi.json](/asyncapi.json), the errors at [/problems](/problems).',
      )
      .setVersion('1')
      .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' })
      .build(),
    { operationIdFactory: (controller, method) => `${controller.replace('Controller', '')}_${method}` },
  );
  document.components = { ...document.components };
  document.components.schemas = { ...document.components.schemas, Problem: PROBLEM_SCHEMA as never };
  for (const path of Object.values(document.paths)) {
    for (const operation of Object.values(path) as Operation[]) addProblems(operation);
  }
  return document;
}

/** Replaces the marks of an operation by the responses that they stand for, one for each status. */
function addProblems(operation: Operation): void {
  const marks = Object.keys(operation).filter((key) => key.startsWith(PROBLEM_MARK));
  const names = new Set([...marks.map((mark) => mark.slice(PROBLEM_MARK.length) as ProblemName), ...ALWAYS]);
  for (const mark of marks) delete (operation as unknown as Record<string, unknown>)[mark];
  const byStatus = Object.groupBy([...names], (name) => String(PROBLEM_TYPES[name].status));
  for (const [status, group = []] of Object.entries(byStatus)) {
    operation.responses[status] = problemResponse(group);
  }
}

function problemResponse(names: readonly ProblemName[]): Response {
  return {
    description: names.map((name) => PROBLEM_TYPES[name].title).join(', or: '),
    content: {
      'application/problem+json': {
        schema: { $ref: '#/components/schemas/Problem' },
        examples: Object.fromEntries(
          names.map((name) => [
            name,
            { value: problemDocument(new Problem(name, PROBLEM_TYPES[name].meaning), EXAMPLE_REQUEST) },
          ]),
        ),
      },
    },
  };
}

/** Serves the document at /openapi.json, and to be read and tried at /docs, with nothing from other hosts. */
export function serveReference(app: NestFastifyApplication): void {
  SwaggerModule.setup('docs', app, openApiDocument(app), {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: 'Warren: REST reference',
    // The default asks a server on the internet whether the document is valid.
    swaggerOptions: { validatorUrl: null, persistAuthorization: true },
  });
}

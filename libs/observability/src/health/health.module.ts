import {
  Controller,
  Get,
  Header,
  Module,
  Res,
  type DynamicModule,
  type FactoryProvider,
} from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { DEPENDENCIES, describe, Readiness } from './readiness.ts';
import type { Dependency } from './dependency.ts';

/** The part of Fastify's and Express' answer that is used here. */
interface Answer {
  status(code: number): unknown;
  header(name: string, value: string): unknown;
}

@Controller('health')
class HealthController {
  constructor(private readonly readiness: Readiness) {}

  /** Says that the process answers. It looks at nothing else: killing a process mends neither database nor broker. */
  @Get('live')
  @Header('cache-control', 'no-store')
  live() {
    return { status: 'ok' };
  }

  @Get('ready')
  @Header('cache-control', 'no-store')
  async ready(@Res({ passthrough: true }) answer: Answer) {
    const { status, details } = await this.readiness.check();
    if (status === 'ok' || status === 'degraded') return { status, details };
    answer.status(503);
    answer.header('content-type', 'application/problem+json; charset=utf-8');
    return {
      type: '/problems/not-ready',
      title: 'Not ready',
      status: 503,
      detail: status === 'shutting_down' ? 'the service is stopping' : describe(details),
      details,
    };
  }
}

export interface HealthModuleOptions {
  imports?: DynamicModule['imports'];
  /** What readiness asks for. */
  dependencies: Omit<FactoryProvider<readonly Dependency[]>, 'provide'>;
}

/** `GET /health/live` and `GET /health/ready`. */
@Module({})
export class HealthModule {
  static forRoot({ imports = [], dependencies }: HealthModuleOptions): DynamicModule {
    return {
      module: HealthModule,
      imports: [...imports, TerminusModule.forRoot({ logger: false })],
      controllers: [HealthController],
      providers: [Readiness, { ...dependencies, provide: DEPENDENCIES }],
      exports: [Readiness],
    };
  }
}

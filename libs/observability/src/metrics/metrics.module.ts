import { Controller, Get, Header, Module, type DynamicModule } from '@nestjs/common';
import { ProcessMetrics, startMetrics } from './meter-provider.ts';

@Controller()
class MetricsController {
  constructor(private readonly metrics: ProcessMetrics) {}

  @Get('metrics')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  @Header('cache-control', 'no-store')
  read(): Promise<string> {
    return this.metrics.text();
  }
}

/** `GET /metrics`: everything that the process measures through `@opentelemetry/api`. */
@Module({})
export class MetricsModule {
  static forRoot({ service }: { service: string }): DynamicModule {
    return {
      module: MetricsModule,
      controllers: [MetricsController],
      providers: [{ provide: ProcessMetrics, useFactory: () => startMetrics(service) }],
    };
  }
}

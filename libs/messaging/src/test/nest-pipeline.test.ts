import {
  Catch,
  Controller,
  Injectable,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { eventually, publishRaw } from '@warren/testing';
import { connect } from 'amqplib';
import { EMPTY, tap, throwError, type Observable } from 'rxjs';
import { PermanentFailure } from '../errors.ts';
import { MessageContext } from '../message-context.ts';
import { HandleMessage } from '../message-handler.ts';
import { defineTopology } from '../topology.ts';
import { ParcelMovedV1 } from './parcel-contracts.ts';
import { recordEffect } from './parcel-handlers.ts';
import { TestBench } from './test-service.ts';
import { strangersMessage } from './strangers-message.ts';

const calls: string[] = [];

@Injectable()
class OnlyPositiveSteps implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    calls.push(`guard ${context.getType()}`);
    const rpc = context.switchToRpc();
    if (!(rpc.getContext() instanceof MessageContext)) throw new Error('the context is not ours');
    return rpc.getData<ParcelMovedV1>().step > 0;
  }
}

@Injectable()
class Measure implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    calls.push('before');
    return next.handle().pipe(tap({ complete: () => calls.push('after') }));
  }
}

@Injectable()
class Shout implements PipeTransform {
  transform(value: unknown): unknown {
    if (value instanceof ParcelMovedV1) value.parcelId = value.parcelId.toUpperCase();
    return value;
  }
}

class TooHeavy extends Error {}
class AlreadyGone extends Error {}

@Catch(TooHeavy)
class TooHeavyIsPermanent implements ExceptionFilter {
  catch(error: TooHeavy): Observable<never> {
    return throwError(() => new PermanentFailure(error.message, { cause: error }));
  }
}

@Catch(AlreadyGone)
class AlreadyGoneIsFine implements ExceptionFilter {
  catch(_error: AlreadyGone, _host: ArgumentsHost): Observable<never> {
    return EMPTY;
  }
}

@Controller()
@UseGuards(OnlyPositiveSteps)
@UseInterceptors(Measure)
@UseFilters(TooHeavyIsPermanent, AlreadyGoneIsFine)
class Guarded {
  @HandleMessage(ParcelMovedV1)
  @UsePipes(Shout)
  async moved(@Payload() parcel: ParcelMovedV1, @Ctx() context: MessageContext): Promise<void> {
    await recordEffect(context, parcel);
    if (parcel.behaviour === 'heavy') throw new TooHeavy('the crane gave up');
    if (parcel.behaviour === 'gone') throw new AlreadyGone();
  }
}

const topology = defineTopology({
  service: 'track-service',
  exchanges: ['parcels.events'],
  consumes: [{ queue: 'parcels', handles: [ParcelMovedV1], retryDelays: ['20ms'] }],
});

const bench = new TestBench();
beforeEach(async () => {
  calls.length = 0;
  await bench.open();
});
afterEach(() => bench.close());

const send = (data: object) =>
  publishRaw(bench.broker.url, 'parcels.events', 'parcel.moved.v1', strangersMessage(data));

async function reasonOfDeadLetter(): Promise<unknown> {
  const connection = await connect(bench.broker.url);
  const channel = await connection.createChannel();
  try {
    return await eventually(async () => {
      const dead = await channel.get('track-service.parcels.dead', { noAck: true });
      if (!dead) throw new Error('no dead letter yet');
      return [
        dead.properties.headers!['x-warren-reason'],
        dead.properties.headers!['x-warren-error-message'],
      ];
    });
  } finally {
    await connection.close();
  }
}

describe("Nest's pipeline around a handler", () => {
  it('runs guards, interceptors and pipes, and gives what @Payload and @Ctx ask for', async () => {
    const service = await bench.start({ topology, controllers: [Guarded] });
    await send({ parcelId: 'small', step: 1 });
    await eventually(async () => expect(await service.effects()).toEqual([{ parcel_id: 'SMALL', step: 1 }]));
    expect(calls).toEqual(['guard rpc', 'before', 'after']);
  });

  it('treats a refusal of a guard as a failure like any other', async () => {
    const service = await bench.start({ topology, controllers: [Guarded] });
    await send({ parcelId: 'p-1', step: 0 });
    expect(await reasonOfDeadLetter()).toEqual(['attempts-exhausted', 'Forbidden resource']);
    expect(await service.effects()).toEqual([]);
  });

  it('lets a filter decide what an error means, with the effect rolled back', async () => {
    const service = await bench.start({ topology, controllers: [Guarded] });
    await send({ parcelId: 'p-1', step: 1, behaviour: 'heavy' });
    expect(await reasonOfDeadLetter()).toEqual(['permanent-failure', 'the crane gave up']);
    expect(await service.effects()).toEqual([]);
  });

  it('takes a filter that ends the stream quietly for success, with the effect committed', async () => {
    const service = await bench.start({ topology, controllers: [Guarded] });
    await send({ parcelId: 'p-1', step: 1, behaviour: 'gone' });
    await eventually(async () => expect(await service.effects()).toHaveLength(1));
  });
});

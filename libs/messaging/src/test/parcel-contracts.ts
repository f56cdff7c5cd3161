import { DefineCommand, DefineEvent, DefineReply, DefineRequest } from '@warren/contracts';
import { IsInt, IsOptional, Length, Min } from 'class-validator';

const example = { parcelId: 'p-1', step: 1 };

@DefineEvent<ParcelMovedV1>({
  type: 'parcel.moved.v1',
  exchange: 'parcels.events',
  publishedBy: 'parcel-service',
  description: 'A parcel moved on.',
  example,
})
export class ParcelMovedV1 {
  @Length(1, 100)
  parcelId!: string;

  @IsInt()
  @Min(0)
  step!: number;

  @IsOptional()
  @Length(1, 50)
  behaviour?: string;
}

@DefineCommand<SendParcelV1>({
  type: 'parcel.send.v1',
  exchange: 'parcels.commands',
  publishedBy: 'shop-service',
  description: 'Asks for a parcel to be sent.',
  example: { parcelId: 'p-1' },
})
export class SendParcelV1 {
  @Length(1, 100)
  parcelId!: string;
}

@DefineReply<ParcelWeightV1>({
  type: 'parcel.weighed.v1',
  publishedBy: 'parcel-service',
  description: 'What a parcel weighs.',
  example: { grams: 250 },
})
export class ParcelWeightV1 {
  @IsInt()
  @Min(0)
  grams!: number;
}

@DefineRequest<WeighParcelV1>({
  type: 'parcel.weigh.v1',
  exchange: 'parcels.commands',
  publishedBy: 'shop-service',
  reply: ParcelWeightV1,
  description: 'Asks what a parcel weighs.',
  example: { parcelId: 'p-1' },
})
export class WeighParcelV1 {
  @Length(1, 100)
  parcelId!: string;
}

import { runService } from '../run-service.ts';
import { thingService } from './thing-service.ts';

await runService(thingService);

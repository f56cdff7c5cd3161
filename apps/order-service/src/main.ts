import { runService } from '@warren/service';
import { orderService } from './app.module.ts';

await runService(orderService);

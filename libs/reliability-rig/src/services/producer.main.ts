import { runService } from '@warren/service';
import { sabotageConfig } from './config.ts';
import { producer } from './producer.ts';
import { installSabotage } from './sabotage.ts';

installSabotage(sabotageConfig());
await runService(producer);

import { runService } from '@warren/service';
import { sabotageConfig } from './config.ts';
import { consumer } from './consumer.ts';
import { installSabotage } from './sabotage.ts';

installSabotage(sabotageConfig());
await runService(consumer);

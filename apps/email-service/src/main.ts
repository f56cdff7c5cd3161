import { runService } from '@warren/service';
import { emailService } from './app.module.ts';

await runService(emailService);

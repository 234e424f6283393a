import { Agent as HttpAgent } from 'node:http';
import { inspect } from 'node:util';

/**
 * Keeps connections to the engine open. docker-modem writes each request's options out in full for a debug line that
 * nobody reads, this agent among them: with all its sockets, that took three quarters of the executor's processor
 * time while instances start. So it is short about itself.
 */
export class EngineAgent extends HttpAgent {
  constructor() {
    super({ keepAlive: true, maxFreeSockets: 16 });
  }

  [inspect.custom](): string {
    return 'EngineAgent';
  }
}

import { InstanceSpec_Desired, InstanceState } from '../gen/gilliam/v1/instance';
import type { DeepPartial } from '../gen/gilliam/v1/session_service';
import { Task } from '../gen/gilliam/v1/session_service';

/** A task of the formation `shop`, assigned and wished to run: `web.<ordinal>`, uid `u<ordinal>`. */
export function fakeTask(ordinal: number, patch: DeepPartial<Omit<Task, 'instance'>> = {}): Task {
  return Task.fromPartial({
    instance: {
      metadata: {
        name: `web-${ordinal}-1`,
        formation: 'shop',
        uid: `u${ordinal}`,
        generation: 1n,
        revision: 1n,
      },
      spec: {
        release: 'v1',
        process: 'web',
        ordinal,
        incarnation: 1,
        executor: 'e1',
        desired: InstanceSpec_Desired.RUNNING,
      },
      status: { state: InstanceState.ASSIGNED },
    },
    image: 'app',
    config: { GREETING: 'hello' },
    ...patch,
    process: {
      command: ['/bin/sh', '-c', 'node server.js'],
      ports: [{ name: '', containerPort: 8080 }],
      ...patch.process,
    },
  });
}

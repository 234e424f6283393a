import { sleep } from '../../../pkg/base/clock';
import { CompactedError, GilliamError } from '../../../pkg/base/errors';
import type { Client } from '../../../pkg/client/client';
import type { Instance } from '../../../pkg/gen/gilliam/v1/instance';
import { Change_Type } from '../../../pkg/gen/gilliam/v1/watch_service';
import type { Context } from '../context';
import { listAll } from './list-all';

const retryMs = 500;

/**
 * All instances of a formation (`formations/-`: of the stage), finished ones included, and again after each change.
 * Lists, watches from the list's revision, and lists again on any doubt. Throws what the first list throws; later a
 * control plane that is away is waited for. Ends when the signal aborts.
 */
export async function* followInstances(
  client: Client,
  parent: string,
  { clock, signal }: Pick<Context, 'clock' | 'signal'>,
): AsyncGenerator<readonly Instance[]> {
  for (let listed = false; ;) {
    try {
      const { items, last } = await listInstances(client, { parent, showFinished: true }, signal);
      listed = true;
      const known = new Map(items.map((instance) => [uidOf(instance), instance]));
      yield [...known.values()];
      const request = { parent, kinds: ['Instance'], afterRevision: last.revision };
      for await (const { changes } of client.watch.watch(request, { signal })) {
        for (const { type, object } of changes) {
          if (object?.$case !== 'instance') continue;
          if (type === Change_Type.DELETE) remove(known, object.value);
          else known.set(uidOf(object.value), object.value);
        }
        if (changes.length > 0) yield [...known.values()];
      }
    } catch (error) {
      if (signal.aborted || !listed || !mayPass(error)) throw error;
      await sleep(clock, retryMs, signal);
    }
  }
}

/** The instances of a formation, or of all with `formations/-`. */
export function listInstances(
  client: Client,
  request: { readonly parent: string; readonly showFinished?: boolean },
  signal: AbortSignal,
) {
  return listAll(
    (pageToken) => client.instances.listInstances({ ...request, pageToken }, { signal }),
    (answer) => answer.instances,
  );
}

function uidOf(instance: Instance): string {
  return instance.metadata?.uid ?? '';
}

// A deleted object carries its name and formation only.
function remove(known: Map<string, Instance>, gone: Instance): void {
  for (const [uid, { metadata }] of known) {
    if (metadata?.name === gone.metadata?.name && metadata?.formation === gone.metadata?.formation)
      known.delete(uid);
  }
}

function mayPass(error: unknown): boolean {
  return error instanceof CompactedError || (error instanceof GilliamError && error.retryable);
}

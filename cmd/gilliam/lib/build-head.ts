import { InternalError } from '../../../pkg/base/errors';
import type { Client } from '../../../pkg/client/client';
import type {
  BuildPlan,
  BuildRequest,
  BuildResult,
  BuildStep,
} from '../../../pkg/gen/gilliam/v1/build_service';
import type { Context } from '../context';
import { type Head, archive } from './git';

type Surroundings = Pick<Context, 'env' | 'signal'>;

/** Of which formation the build is, and what is built. */
export interface BuildTarget {
  /** `formations/{formation}` */
  readonly parent: string;
  readonly head: Head;
  /** Whether a manifest says what runs. */
  readonly forApply?: boolean;
  /** What the tree hashes to; absent where nobody is to remember it. */
  readonly source?: string;
}

/** A source tree on its way to the builder. */
export interface SentTree {
  readonly parent: string;
  /** Empty for one that is of no commit. */
  readonly commit: string;
  readonly tar: AsyncIterable<Uint8Array>;
  readonly forApply?: boolean;
  /** What the tree hashes to; absent where nobody is to remember it. */
  readonly source?: string;
  /** Another tree is tried where this one fails. */
  readonly mayFallBack?: boolean;
}

/** Who is told what happens while it does. */
export interface BuildReporter {
  plan(plan: BuildPlan): void;
  step(step: BuildStep): void;
  output(bytes: Uint8Array): void;
}

// The contract's limit of one message.
const maxChunkBytes = 2 ** 20;

/** Sends HEAD to the builder and says what it was found to be; builds nothing. */
export async function planHead(
  client: Client,
  target: BuildTarget,
  around: Surroundings,
): Promise<BuildPlan> {
  const { signal } = around;
  for await (const { part } of client.build.build(requests(treeOf(target, around), true), { signal })) {
    if (part?.$case === 'plan') return part.value;
  }
  throw new InternalError('the builder gave no plan: gilliam status');
}

/** Sends HEAD to the builder and waits for the image. Aborting cancels the build; nothing is released here. */
export async function buildHead(
  client: Client,
  target: BuildTarget,
  reporter: BuildReporter,
  around: Surroundings,
): Promise<BuildResult> {
  return buildTree(client, treeOf(target, around), reporter, around.signal);
}

/** As buildHead, of any tree. */
export async function buildTree(
  client: Client,
  tree: SentTree,
  reporter: BuildReporter,
  signal: AbortSignal,
): Promise<BuildResult> {
  let result: BuildResult | undefined;
  for await (const { part } of client.build.build(requests(tree, false), { signal })) {
    switch (part?.$case) {
      case 'plan':
        reporter.plan(part.value);
        break;
      case 'step':
        reporter.step(part.value);
        break;
      case 'output':
        reporter.output(part.value);
        break;
      case 'result':
        result = part.value;
        break;
      case undefined:
    }
  }
  if (!result) throw new InternalError('the build ended without a result: try again');
  return result;
}

function treeOf({ parent, head, forApply, source }: BuildTarget, around: Surroundings): SentTree {
  return {
    ...{ parent, commit: head.commit, tar: archive(head, around) },
    ...(forApply && { forApply }),
    ...(source !== undefined && { source }),
  };
}

async function* requests(tree: SentTree, planOnly: boolean): AsyncGenerator<BuildRequest> {
  const { parent, commit, tar, forApply = false, source = '', mayFallBack = false } = tree;
  yield { part: { $case: 'start', value: { parent, commit, planOnly, forApply, source, mayFallBack } } };
  for await (const bytes of tar) {
    for (let from = 0; from < bytes.length; from += maxChunkBytes) {
      const value = Buffer.from(bytes.subarray(from, from + maxChunkBytes));
      yield { part: { $case: 'chunk', value } };
    }
  }
}

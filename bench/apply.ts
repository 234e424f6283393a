// `apply` of 50 formations with 4 processes each, on a real stage: unchanged, and with one env value changed in each.
// The peer is as many GetFormation calls at once, which read one key each.
import type { Client } from '../pkg/client/client';
import type { ApplyFormationRequest, DeepPartial } from '../pkg/gen/gilliam/v1/apply_service';
import { clientOf } from './lib/client';
import { median, print, say } from './lib/figure';
import { withStage } from './lib/stage';

const count = 50;
const rounds = 7;
const names = Array.from({ length: count }, (_, index) => `app-${index + 1}`);
const processes = ['web', 'worker', 'mail', 'clock'];

void withStage(13_600, async (stage, cwd) => {
  const [release] = await stage.json<{ spec: { image: string } }[]>(['releases'], { cwd });
  const image = release?.spec.image ?? '';
  const client = clientOf(stage);
  try {
    say(`applying ${count} formations`);
    await applyAll(client, wish(image, 'one'));

    const unchanged: number[] = [];
    const read: number[] = [];
    const before = await revisions(client);
    for (let round = 0; round < rounds; round++) {
      unchanged.push(await timed(() => applyAll(client, wish(image, 'one'))));
      read.push(await timed(() => Promise.all(names.map((name) => get(client, name)))));
    }
    print({
      ...{ bench: 'apply', figure: `${count} formations, unchanged`, value: median(unchanged), unit: 'ms' },
      peer: { name: `${count} GetFormation`, value: median(read) },
      target: 'value < 2000',
      samples: rounds,
    });
    print({
      ...{
        bench: 'apply',
        figure: 'formations written by that',
        value: differing(before, await revisions(client)),
        unit: 'formations',
      },
      target: 'value = 0',
    });

    const changed = await timed(() => applyAll(client, wish(image, 'two')));
    print({
      ...{
        bench: 'apply',
        figure: `${count} formations, one env value changed in each`,
        value: changed,
        unit: 'ms',
      },
      peer: { name: 'unchanged', value: median(unchanged) },
      samples: 1,
    });
  } finally {
    client.close();
  }
});

type Wish = DeepPartial<NonNullable<ApplyFormationRequest['desired']>>;

/** Nothing runs: instances would write, too. */
function wish(image: string, level: string): Wish {
  return {
    release: {
      image,
      processes: Object.fromEntries(
        processes.map((name) => [name, { command: [name], env: { LEVEL: level } }]),
      ),
    },
    factors: Object.fromEntries(processes.map((name) => [name, 0])),
  };
}

async function applyAll(client: Client, desired: Wish): Promise<void> {
  await Promise.all(
    names.map((name) => client.apply.applyFormation({ name: `formations/${name}`, desired })),
  );
}

/** The store's revision at which each formation was last written: a release, a scale made by it, is written with it. */
async function revisions(client: Client): Promise<ReadonlyMap<string, bigint>> {
  const { formations } = await client.formations.listFormations({});
  return new Map(formations.map(({ metadata }) => [metadata?.name ?? '', metadata?.revision ?? 0n]));
}

function differing(before: ReadonlyMap<string, bigint>, after: ReadonlyMap<string, bigint>): number {
  return [...after].filter(([name, revision]) => before.get(name) !== revision).length;
}

function get(client: Client, name: string) {
  return client.formations.getFormation({ name: `formations/${name}` });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

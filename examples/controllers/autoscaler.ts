// A controller in some sixty lines, with stock gRPC libraries: keeps factors near `requests a second / rps`.
//
//   npm install @grpc/grpc-js @grpc/proto-loader tsx
//   GILLIAM_API=127.0.0.1:4410 API_TOKEN=… npx tsx autoscaler.ts path/to/proto
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const proto = process.argv[2] ?? 'proto';
const services = ['formation', 'metrics', 'scale'].map((name) => `gilliam/v1/${name}_service.proto`);
const loaded = loadSync(services, { includeDirs: [proto], keepCase: false, longs: Number, defaults: true });
// Read at run time, so without types: ts-proto or grpc-tools make them, where the program grows.
const { gilliam } = grpc.loadPackageDefinition(loaded) as any;

const metadata = new grpc.Metadata();
metadata.set('authorization', `Bearer ${process.env.API_TOKEN}`);
const client = (name: string) =>
  new gilliam.v1[name](process.env.GILLIAM_API, grpc.credentials.createInsecure(), {
    'grpc.enable_http_proxy': 0,
  });
const [formations, metrics, scales] = ['FormationService', 'MetricsService', 'ScaleService'].map(client);
const call = (service: any, method: string, request: object): Promise<any> =>
  new Promise((resolve, reject) =>
    service[method](
      request,
      metadata,
      { deadline: Date.now() + 10_000 },
      (error: Error | null, answer: any) => (error ? reject(error) : resolve(answer)),
    ),
  );

const downAfterMs = Number(process.env.DOWN_WINDOW_MS ?? 120_000);
/** How many were wanted lately, by service. */
const wanted = new Map<string, { at: number; n: number }[]>();

/** The factor that a process is to have: pure, but for what it remembers. */
function decide(key: string, rule: any, factor: number, measured: any[], now: number): number {
  if (rule.min > rule.max) return factor;
  const waiting = measured.reduce((sum, one) => sum + one.waiting, 0);
  if (factor === 0) return rule.min === 0 && waiting > 0 ? 1 : 0;
  const known = measured.filter(({ measuredMs }) => measuredMs >= 8_000);
  const perSecond = rule.target?.requestsPerSecond;
  if (known.length === 0 || !perSecond) return factor;
  const rate = known.reduce((sum, one) => sum + (one.requests * 1_000) / one.measuredMs, 0);
  const n = Math.min(rule.max, Math.max(rule.min, Math.ceil(rate / perSecond)));
  const past = [...(wanted.get(key) ?? [{ at: now, n: factor }]), { at: now, n }];
  // Up at once, down only to what would have been enough all the time.
  wanted.set(
    key,
    past.filter(({ at }) => now - at < downAfterMs),
  );
  return Math.max(...wanted.get(key)!.map(({ n }) => n));
}

async function look(now: number): Promise<void> {
  const { services: all } = await call(metrics, 'listServiceMetrics', { parent: 'formations/-' });
  for (const { metadata, spec } of (await call(formations, 'listFormations', {})).formations) {
    if (Object.keys(spec?.scaling ?? {}).length === 0) continue;
    // `-` is the newest release; one that moves is left to its rollout: the API refuses the update.
    const { scale } = await call(scales, 'getScale', { name: `formations/${metadata.name}/scales/-` });
    for (const [process, rule] of Object.entries<any>(spec.scaling)) {
      const measured = all.filter((one: any) => one.formation === metadata.name && one.service === process);
      const factor = scale.spec?.factors[process] ?? 0;
      const to = decide(`${process}.${metadata.name}`, rule, factor, measured, now);
      if (to === factor) continue;
      console.log(`${process}.${metadata.name}: ${factor} -> ${to}`);
      // With the revision that was read: nobody is overwritten.
      const request = {
        scale: { metadata: scale.metadata, spec: { factors: { [process]: to } } },
        updateMask: { paths: [`factors.${process}`] },
      };
      scale.metadata = (await call(scales, 'updateScale', request)).scale.metadata;
    }
  }
}

async function main(): Promise<never> {
  for (;;) {
    await look(performance.now()).catch((error: Error) => console.log(error.message));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

void main();

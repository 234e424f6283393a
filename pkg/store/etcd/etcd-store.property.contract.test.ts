import fc from 'fast-check';
import { EtcdProcess } from '../../testing/etcd-process';
import { checkAgainstModel, steps } from '../contract/model-check';
import { EtcdHarness } from './etcd-harness';

describe('EtcdStore', () => {
  let etcd: EtcdProcess;
  beforeAll(async () => {
    etcd = await EtcdProcess.start();
  }, 60_000);
  afterAll(() => etcd.stop());

  test('whatever is done to it, etcd does what the naive model does, and so the memory store', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        const harness = new EtcdHarness(etcd);
        try {
          await checkAgainstModel(await harness.open(), (revision) => harness.compact(revision), taken);
        } finally {
          await harness.close();
        }
      }),
      { numRuns: 15 },
    );
  }, 60_000);
});

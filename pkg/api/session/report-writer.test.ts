import { SystemClock } from '../../base/clock';
import { SystemRandom } from '../../base/random';
import { InstanceState, InstanceStatus } from '../../gen/gilliam/v1/instance';
import { instances, type Instance } from '../../resource/objects';
import { ReportWriter, type ReportingSession } from './report-writer';

const { signal } = new AbortController();
const session: ReportingSession = {
  guard: () => ({ guard: 'object', kind: instances, key: { formation: '', name: 'e1' }, revision: 1n }),
  confirm: async () => {},
};

test('what is deleted before its report is known to be written is not remembered', async () => {
  const instance = instances.decode(new Uint8Array());
  Object.assign(instance.metadata, { formation: 'shop', name: 'web-1-1', uid: 'u1', revision: 9n });
  const status = InstanceStatus.fromPartial({ state: InstanceState.ASSIGNED });
  let cached: Instance | undefined = { ...instance, spec: { ...instance.spec, executor: 'e1' }, status };
  let revision = 9n;
  let commits = 0;
  const cache = {
    get: () => cached,
    get revision() {
      return revision;
    },
    onChange: () => ({ dispose() {} }),
  };
  const store = {
    get: async () => undefined,
    commit: async () => {
      commits++;
      // The deletion comes by the watch before the answer to the commit does.
      cached = undefined;
      revision = 11n;
      return 10n;
    },
  };
  const writer = new ReportWriter({ store, cache, clock: new SystemClock(), random: new SystemRandom() });
  const report = (state: InstanceState) => ({
    ...{ formation: 'shop', name: 'web-1-1', uid: 'u1', executor: 'e1' },
    status: InstanceStatus.fromPartial({ state }),
  });
  await writer.write(report(InstanceState.STOPPING), session, signal);
  await writer.write(report(InstanceState.STOPPED), session, signal);
  expect(commits).toBe(1);
});

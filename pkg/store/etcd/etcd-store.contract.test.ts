import { EtcdProcess } from '../../testing/etcd-process';
import { storeContract } from '../store-contract';
import { EtcdHarness } from './etcd-harness';

describe('EtcdStore', () => {
  let etcd: EtcdProcess;
  beforeAll(async () => {
    etcd = await EtcdProcess.start();
  }, 60_000);
  afterAll(() => etcd.stop());

  storeContract(async () => new EtcdHarness(etcd));
});

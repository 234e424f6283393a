import { labels } from '../../agent/labels';
import { sleep } from '../../base/clock';
import type { SeededRandom } from '../../base/random';
import { formations } from '../../resource/objects';
import { failures } from '../fake-driver';
import type { Act } from './act';
import { below, between, oneOf } from './act';
import { leaderName } from './leader-name';
import type { Machine } from './machine';
import type { Replica } from './replica';
import type { SimProcess } from './sim-process';
import { scale } from './user-acts';
import type { World } from './world';

/** What goes wrong. Each ends by itself after a while. */
export const faultActs: readonly Act[] = [
  onMachine('kill container', 4, (world, machine, random) => {
    const { running } = machine.engine;
    if (running.length === 0) return;
    const container = oneOf(random, running);
    world.trace.add(`! ${container.labels[labels.name]} exits`);
    machine.engine.exit(container.id, 1 + below(random, 2));
  }),
  onMachine('sick container', 2, (world, machine, random) => {
    const { running } = machine.engine;
    if (running.length === 0) return;
    const { id } = oneOf(random, running);
    machine.engine.health.set(id, false);
    later(world, between(random, 2_000, 30_000), () => machine.engine.health.delete(id));
  }),
  onMachine('stubborn container', 2, (_world, machine, random) => {
    const { running } = machine.engine;
    if (running.length > 0) machine.engine.setStubborn(oneOf(random, running).id);
  }),
  onMachine('agent crash', 4, (world, machine, random) => {
    machine.killAgent();
    later(world, between(random, 100, 20_000), () => machine.startAgent());
  }),
  onMachine('agent pause', 3, (world, machine, random) => {
    const { process } = machine;
    process?.pause();
    world.network.suspect(machine.name);
    later(world, between(random, 500, 30_000), () => process?.resume());
  }),
  onMachine('power loss', 2, (world, machine, random) => {
    world.network.setUp(machine.name, false);
    machine.powerOff();
    later(world, between(random, 2_000, 40_000), () => {
      world.network.setUp(machine.name, true);
      machine.powerOn();
    });
  }),
  onMachine('partition', 4, (world, machine, random) => {
    const from = random.next() < 0.6 ? world.replicas : [oneOf(random, world.replicas)];
    for (const { name } of from) world.network.cut(machine.name, name);
    later(world, between(random, 1_000, 40_000), () => {
      for (const { name } of from) world.network.join(machine.name, name);
    });
  }),
  onMachine('long partition', 1, (world, machine, random) => {
    for (const { name } of world.replicas) world.network.cut(machine.name, name);
    later(world, between(random, 16_000, 25_000), () => {
      for (const { name } of world.replicas) world.network.join(machine.name, name);
    });
  }),
  onMachine('reset', 3, (world, machine) => world.network.reset(machine.name)),
  onMachine('engine away', 1, (world, machine, random) => {
    machine.setEngine(false);
    later(world, between(random, 500, 15_000), () => machine.setEngine(true));
  }),
  onMachine('engine fails', 2, (_world, machine, random) => {
    const verb = oneOf(random, ['create', 'start', 'stop', 'remove', 'list'] as const);
    machine.engine.fail(verb, failures.engine, { times: 1 + below(random, 3), done: random.next() < 0.5 });
  }),
  onMachine('events missing', 1, (world, machine, random) => {
    machine.engine.muted = true;
    later(world, between(random, 500, 8_000), () => (machine.engine.muted = false));
  }),
  onMachine('daemon away', 2, (world, machine, random) => {
    machine.setDaemon(random.next() < 0.5 ? 'down' : 'hanging');
    const healed = random.next() < 0.5 ? 'up' : 'restarted';
    later(world, between(random, 500, 12_000), () => machine.powered && machine.setDaemon(healed));
  }),
  onMachine('slow follower', 1, (world, machine, random) => {
    machine.daemon.followers.set('router/haproxy', random.next() < 0.5 ? undefined : 3_000);
    later(world, between(random, 5_000, 20_000), () => machine.daemon.followers.set('router/haproxy', 120));
  }),
  onReplica('replica crash', 4, (world, replica, random) => {
    replica.kill();
    later(world, between(random, 100, 15_000), () => replica.start());
  }),
  onReplica('replica stop', 2, (world, replica, random) => {
    void replica.plane?.stop();
    later(world, between(random, 1_000, 8_000), () => replica.start());
  }),
  {
    // The worst moment for a leader to be stopped: with a write decided on, that arrives when somebody else leads.
    name: 'leader stall',
    weight: 6,
    perform(world, random) {
      const plane = leaderOf(world)?.plane;
      if (!plane) return;
      const { process } = plane;
      const isSent = random.next() < 0.5;
      const lateMs = random.next() * 50;
      const idleMs = between(random, 500, 8_000);
      plane.stores.controllers.holdNext(async () => {
        if (world.healed) return;
        world.trace.add(`! ${process.name} is paused ${isSent ? 'after' : 'before'} a write`);
        process.pause();
        world.network.suspect(process.host);
        const late = deposed(world, process).then(() => sleep(world.time, lateMs));
        // Whoever leads next is slower: else it has done the same by then, and the late write is an ordinary conflict.
        for (const { plane: other } of world.replicas) {
          if (other !== plane)
            other?.stores.controllers.holdNext(() => late.then(() => sleep(world.time, 5)));
        }
        await late;
        if (isSent) later(world, idleMs, () => process.resume());
        else process.resume();
      });
      // It has to have something to do.
      return busy(world, random);
    },
  },
  {
    name: 'leader pause',
    weight: 3,
    perform(world, random) {
      const leader = leaderOf(world);
      if (!leader) return;
      // Longer than its lease, mostly: somebody else leads when it goes on. What it has just sent arrives then, too.
      const delayMs = random.next() < 0.7 ? between(random, 1_000, 9_000) : 0;
      const forMs = between(random, 2_000, 14_000);
      leader.setCommitDelay(delayMs);
      // Whoever leads next is slow, too: else it has done all that by then, and the late write is refused as a conflict.
      const others = world.replicas.filter((each) => each !== leader);
      for (const other of others) other.setCommitDelay(random.next() * 4_000);
      later(world, forMs + 5_000, () => {
        for (const other of others) other.setCommitDelay(0);
      });
      later(world, between(random, 5, 400), () => {
        pause(world, leader, forMs);
        leader.setCommitDelay(0);
      });
      return busy(world, random);
    },
  },
  onReplica('replica pause', 1, (world, replica, random) =>
    pause(world, replica, between(random, 500, 12_000)),
  ),
  onReplica('store cut', 3, (world, replica, random) => {
    replica.setStoreReachable(false);
    later(world, between(random, 500, 15_000), () => replica.setStoreReachable(true));
  }),
  {
    name: 'store outage',
    weight: 1,
    perform(world, random) {
      for (const replica of world.replicas) replica.setStoreReachable(false);
      later(world, between(random, 1_000, 20_000), () => {
        for (const replica of world.replicas) replica.setStoreReachable(true);
      });
    },
  },
  {
    name: 'store errors',
    weight: 2,
    perform(world, random) {
      world.storeWeather.errorRate = 0.02 + random.next() * 0.3;
      later(world, between(random, 1_000, 12_000), () => (world.storeWeather.errorRate = 0));
    },
  },
  onReplica('lost lease', 3, (world, replica, random) => {
    const { stores } = replica.plane ?? {};
    const lease = (random.next() < 0.5 ? stores?.api : stores?.controllers)?.leases.at(-1);
    if (lease) world.server.revoke(lease);
  }),
  { name: 'compact', weight: 3, perform: (world) => world.server.compact(world.server.revision) },
  {
    name: 'slow network',
    weight: 2,
    perform(world, random) {
      world.network.weather.delayMs = between(random, 20, 900);
      later(world, between(random, 2_000, 15_000), () => (world.network.weather.delayMs = 2));
    },
  },
  {
    name: 'repeated messages',
    weight: 2,
    perform(world, random) {
      world.network.weather.repeatRate = random.next();
      later(world, between(random, 2_000, 15_000), () => (world.network.weather.repeatRate = 0));
    },
  },
];

/** All faults end. */
export function heal(world: World): void {
  const { network, storeWeather } = world;
  storeWeather.errorRate = 0;
  network.weather.delayMs = 2;
  network.weather.repeatRate = 0;
  network.joinAll();
  for (const replica of world.replicas) {
    replica.setStoreReachable(true);
    replica.setCommitDelay(0);
    replica.plane?.process.resume();
    replica.start();
  }
  for (const machine of world.machines) {
    network.setUp(machine.name, true);
    machine.powerOn();
    machine.setEngine(true);
    machine.engine.muted = false;
    machine.engine.health.clear();
    machine.setDaemon('up');
    machine.daemon.followers.set('router/haproxy', 120);
    machine.process?.resume();
    machine.startAgent();
  }
}

function onMachine(
  name: string,
  weight: number,
  perform: (world: World, machine: Machine, random: SeededRandom) => void,
): Act {
  const act = (world: World, random: SeededRandom) => {
    const machine = oneOf(random, world.machines);
    world.trace.add(`! ${name} on ${machine.name}`);
    perform(world, machine, random);
  };
  return { name, weight, perform: act };
}

function onReplica(
  name: string,
  weight: number,
  perform: (world: World, replica: Replica, random: SeededRandom) => void,
): Act {
  const act = (world: World, random: SeededRandom) => {
    const replica = oneOf(random, world.replicas);
    world.trace.add(`! ${name} of ${replica.name}`);
    perform(world, replica, random);
  };
  return { name, weight, perform: act };
}

function leaderOf({ replicas }: World): Replica | undefined {
  return replicas.find(({ plane }) => plane?.manager.status().leading);
}

/** Somebody else leads, or nobody will any more. */
async function deposed(world: World, { name }: SimProcess): Promise<void> {
  for (let tries = 0; tries < 1_000 && !world.healed; tries++) {
    const leader = leaderName(world.server);
    if (leader !== undefined && leader !== name) return;
    await sleep(world.time, 20);
  }
}

/** Gives the leader something to do. */
async function busy(world: World, random: SeededRandom): Promise<void> {
  const formation = world.history.list(formations)[0]?.metadata.name;
  if (formation) await scale(world, formation, { web: 1 + below(random, 5), worker: 1 + below(random, 3) });
}

function pause(world: World, { name, plane }: Replica, forMs: number): void {
  plane?.process.pause();
  world.trace.add(`! ${name} is paused`);
  world.network.suspect(name);
  later(world, forMs, () => plane?.process.resume());
}

function later(world: World, delayMs: number, what: () => void): void {
  world.time.after(delayMs, () => {
    if (!world.healed) what();
  });
}

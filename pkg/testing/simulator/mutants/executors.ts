import type { ContainerSpec } from '../../../agent/container-spec';
import type { Driver } from '../../../agent/driver';
import type { ServiceNetwork } from '../../../agent/network/service-network';
import type { ConnectResponse } from '../../../gen/gilliam/v1/session_service';
import { altered } from '../altered';

// Engines, network daemons and control planes that break an executor: each as its name says.

type Responses = AsyncIterable<ConnectResponse>;

export function createsTwice(driver: Driver): Driver {
  return altered(driver, {
    create: async (spec, signal) => {
      await driver.create({ ...spec, name: `${spec.name}-again` }, signal);
      return driver.create(spec, signal);
    },
  });
}

export function createsElsewhere(): (driver: Driver) => Driver {
  const all: Driver[] = [];
  return (driver) => {
    all.push(driver);
    return altered(driver, { create: (spec, signal) => (all[0] ?? driver).create(spec, signal) });
  };
}

/** Whoever comes later has the data of the first. */
export function sharesVolumes(driver: Driver): Driver {
  let first: ContainerSpec['volumes'];
  return altered(driver, {
    create: (spec, signal) => {
      first ??= spec.volumes;
      return driver.create({ ...spec, volumes: first }, signal);
    },
  });
}

/** A volume goes with the container that has it. */
export function removesVolumes(driver: Driver): Driver {
  const names = new Map<string, readonly string[]>();
  return altered(driver, {
    create: async (spec, signal) => {
      const made = await driver.create(spec, signal);
      names.set(made.id, spec.volumes?.map(({ name }) => name) ?? []);
      return made;
    },
    remove: async (id, signal) => {
      await driver.remove(id, signal);
      for (const name of names.get(id) ?? []) await driver.removeVolume(name, signal);
    },
  });
}

export function startsOnce(driver: Driver): Driver {
  return altered(driver, {
    start: async (id, signal) => {
      const container = await driver.inspect(id, signal);
      if (container?.state !== 'exited') await driver.start(id, signal);
    },
  });
}

export function withdrawsNothing(network: ServiceNetwork): ServiceNetwork {
  return altered(network, { withdraw: async () => ({ acknowledged: [], missing: [] }) });
}

export function waitsForNobody(network: ServiceNetwork): ServiceNetwork {
  return altered(network, {
    withdraw: async (key, _waitMs, signal) => ({ ...(await network.withdraw(key, 0, signal)), missing: [] }),
  });
}

/** Says that containers are gone, and lets them run. */
export function stopsNothing(driver: Driver): Driver {
  const hidden = new Set<string>();
  const hide = async (id: string) => void hidden.add(id);
  return altered(driver, {
    stop: hide,
    remove: hide,
    inspect: async (id, signal) => (hidden.has(id) ? undefined : driver.inspect(id, signal)),
    list: async (owner, signal) => {
      const all = await driver.list(owner, signal);
      return all.filter(({ id, name }) => !hidden.has(id) && !hidden.has(name));
    },
  });
}

/** A control plane that answers before it knows what there is: each session but the first begins with no tasks. */
export function startsEmpty(): (responses: Responses, machine: string) => Responses {
  const known = new Set<string>();
  return async function* (responses, machine) {
    const isFirst = !known.has(machine);
    known.add(machine);
    for await (const response of responses) {
      if (response.message?.$case === 'assignment' && !isFirst) response.message.value.tasks = [];
      yield response;
    }
  };
}

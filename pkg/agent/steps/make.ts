import { InstanceState } from '../../gen/gilliam/v1/instance';
import { shortImage } from '../../images/image-name';
import { containerSpec } from '../container-spec';
import type { PortBinding } from '../driver';
import { PortTaken } from '../driver-errors';
import type { Situation } from '../situation';
import { publishedPorts } from '../status';
import type { Task } from '../task';

/** Fetches the image that the engine does not have. */
export async function pullImage(situation: Situation, signal: AbortSignal): Promise<void> {
  const { image } = situation.task;
  situation.keeper.set({ state: InstanceState.PULLING, reason: '', message: `pulling ${shortImage(image)}` });
  await situation.context.puller.pull(image, AbortSignal.any([signal, situation.step.signal]));
  situation.pull = false;
  situation.pulled = true;
  situation.setbacks.pulled();
}

/** Makes the container, with ports of its own. */
export async function create(situation: Situation, signal: AbortSignal): Promise<void> {
  const { keeper, task, step } = situation;
  const { driver, puller, owner, bindAddress, address, creates, network } = situation.context;
  // Only the engine knows whether it has the image; a state never goes back.
  const fetching = puller.canPull(task.image) && !situation.pulled;
  const state = fetching ? InstanceState.PULLING : InstanceState.STARTING;
  keeper.set({ state, reason: '', message: '' });
  await creates.run(async () => {
    if (step.signal.aborted || signal.aborted) return;
    const ports = await allocatePorts(situation, task);
    const spec = containerSpec(task, owner, ports, { bindAddress, network: network?.environment });
    for (const volume of spec.volumes ?? []) await driver.createVolume(volume, signal);
    // Should this fail although it has created, the look finds the container by its name.
    situation.unsure = true;
    const { id, existed } = await driver.create(spec, signal);
    if (existed) return;
    situation.unsure = false;
    situation.see({ id, name: spec.name, labels: spec.labels, state: 'created', ports });
    keeper.set({
      state: InstanceState.STARTING,
      containerId: id,
      host: address,
      ports: publishedPorts(task.process, ports),
    });
  });
}

async function allocatePorts(situation: Situation, task: Task): Promise<PortBinding[]> {
  const { context, uid } = situation;
  const chosen = await chosenPorts(situation, task);
  const containerPorts = task.process.ports
    .map((port) => port.containerPort)
    .filter((port) => !chosen.some(({ containerPort }) => containerPort === port));
  const hostPorts = await context.ports.allocate(uid, containerPorts.length);
  const allocated = containerPorts.map((containerPort, index) => ({
    containerPort,
    hostPort: hostPorts[index] as number,
  }));
  return [...chosen, ...allocated];
}

/** The host ports that somebody has asked for: those, or none. Throws PortTaken. */
async function chosenPorts(situation: Situation, task: Task): Promise<PortBinding[]> {
  const { context, chosenHolder } = situation;
  const bindings = (task.instance.spec.oneOff?.ports ?? []).map(({ containerPort, hostPort }) => ({
    containerPort,
    hostPort,
  }));
  for (const { hostPort } of bindings) {
    context.ports.adopt(chosenHolder, [hostPort]);
    const ours = context.ports.heldBy(chosenHolder).includes(hostPort);
    if (ours && (await context.host.portFree(hostPort, context.bindAddress))) continue;
    throw new PortTaken(`host port ${hostPort} is taken by something else`, hostPort);
  }
  return bindings;
}

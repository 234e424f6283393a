import { type ComponentName, componentsOfRole } from './components';
import type { EngineOwner, StageRole } from './config';
import type { EngineState } from './docker-cli';

/** What `gilliam up` finds on the machine. */
export interface Survey {
  /** What the machine is to be. */
  readonly role: StageRole;
  /** Other machines are to have its images of this one. */
  readonly handsOutImages: boolean;
  /** The stage is to be another than its processes were told when they were started. */
  readonly changed: boolean;
  readonly root: boolean;
  /** systemd is the service manager here. */
  readonly systemd: boolean;
  /** etcd's version; undefined when it is not installed. */
  readonly etcdVersion?: string;
  readonly dockerd: boolean;
  readonly engine: EngineState;
  /** DOCKER_HOST is set: the engine is somebody else's. */
  readonly remoteEngine: boolean;
  readonly baseImage: boolean;
  readonly mmdebstrap: boolean;
  /** Debian's image registry. */
  readonly dockerRegistry: boolean;
  /** HAProxy's version; undefined when it is not installed. */
  readonly haproxyVersion?: string;
  /** nftables' program. */
  readonly nft: boolean;
  /** The base image is made here, not pulled. */
  readonly ownBaseImage: boolean;
  /** By component, the build that the living process was started from. */
  readonly running: Readonly<Record<string, string>>;
  /** Who started the engine the last time; undefined for a new stage. */
  readonly engineOwner?: EngineOwner;
}

export type UpStep =
  /** Components end that are of another build, or were told something else. */
  'stop-older' | 'start-engine' | 'prepare' | 'start' | 'wait-engine' | 'base-image' | 'ready';

export interface UpPlan {
  /** One line each: what is missing, and what to do. With any, nothing is done. */
  readonly problems: readonly string[];
  /** One line each: what is missing that the stage can do without, and what to do. */
  readonly advice: readonly string[];
  readonly steps: readonly UpStep[];
  readonly engineOwner: EngineOwner;
}

/** What comes with Gilliam and changes with it; the others do not, and are left running. */
export function ownComponents(role: StageRole): readonly ('supervisor' | ComponentName)[] {
  const others: readonly ComponentName[] = ['dockerd', 'etcd'];
  return ['supervisor', ...componentsOfRole[role].filter((name) => !others.includes(name))];
}

const install = 'run "gilliam up --install", or install it yourself';

/** What to do to have the stage up, from what there is. */
export function planUp(survey: Survey, build: string): UpPlan {
  const engine = planEngine(survey);
  // Images are built where the control plane is, and on nothing but what they bring along.
  const builds = survey.role === 'stage';
  const problems = [
    ...(builds ? etcdProblems(survey) : []),
    ...engine.problems,
    ...(builds ? baseImageProblems(survey) : []),
    ...haproxyProblems(survey),
    ...imagesProblems(survey),
  ];
  // The supervisor reads its settings when it starts.
  const reconfigured =
    survey.changed || (survey.engineOwner !== undefined && engine.owner !== survey.engineOwner);
  const older = ownComponents(survey.role).some((name) => {
    const running = survey.running[name];
    return running !== undefined && (reconfigured || running !== build);
  });
  const complete = !older && !survey.changed && isComplete(survey, engine.owner);
  const answers = survey.engine.state === 'answers';
  const steps: (UpStep | false)[] = [
    older && 'stop-older',
    engine.owner === 'systemd' && !answers && 'start-engine',
    !complete && 'prepare',
    !complete && 'start',
    !answers && 'wait-engine',
    builds && (!complete || !survey.baseImage) && 'base-image',
    'ready',
  ];
  return {
    problems,
    advice:
      survey.root && !survey.nft
        ? [`nftables, without which there are no virtual IPs, is not installed: ${install}`]
        : [],
    steps: problems.length > 0 ? [] : steps.filter((step) => step !== false),
    engineOwner: engine.owner,
  };
}

function isComplete({ role, handsOutImages, running }: Survey, engineOwner: EngineOwner): boolean {
  const wanted = componentsOfRole[role].filter(
    (name) => (name !== 'dockerd' || engineOwner === 'supervisor') && (name !== 'images' || handsOutImages),
  );
  return ['supervisor', ...wanted].every((name) => running[name] !== undefined);
}

function etcdProblems({ etcdVersion }: Survey): string[] {
  if (etcdVersion === undefined)
    return [`etcd is not installed (Debian's package is etcd-server): ${install}`];
  const [major = 0, minor = 0] = etcdVersion.split('.').map(Number);
  if (major > 3 || (major === 3 && minor >= 4)) return [];
  return [`etcd ${etcdVersion} is too old: install 3.4 or newer`];
}

function baseImageProblems(survey: Survey): string[] {
  if (survey.baseImage || survey.mmdebstrap || !survey.ownBaseImage) return [];
  return [`mmdebstrap, which makes the base image, is not installed: ${install}, or set GILLIAM_BASE_IMAGE`];
}

function haproxyProblems({ haproxyVersion }: Survey): string[] {
  if (haproxyVersion === undefined) return [`HAProxy, which the router drives, is not installed: ${install}`];
  const [major = 0, minor = 0] = haproxyVersion.split('.').map(Number);
  if (major > 2 || (major === 2 && minor >= 6)) return [];
  return [`HAProxy ${haproxyVersion} is too old: install 2.6 or newer`];
}

function imagesProblems({ handsOutImages, dockerRegistry }: Survey): string[] {
  if (dockerRegistry || !handsOutImages) return [];
  return [`docker-registry, by which other machines have the stage's images, is not installed: ${install}`];
}

function planEngine(survey: Survey): { owner: EngineOwner; problems: string[] } {
  const { engine, engineOwner = 'other' } = survey;
  switch (engine.state) {
    case 'answers':
      // Ours only as long as the process lives that we have started.
      return { owner: survey.running.dockerd ? engineOwner : 'other', problems: [] };
    case 'no-client':
      return {
        owner: 'other',
        problems: [`Docker is not installed (Debian's package is docker.io): ${install}`],
      };
    case 'denied':
      return {
        owner: 'other',
        problems: [
          'you may not use the Docker Engine: add yourself to the group docker and log in again, or use sudo',
        ],
      };
    case 'silent':
      return planSilentEngine(survey);
  }
}

function planSilentEngine(survey: Survey): { owner: EngineOwner; problems: string[] } {
  const problem = (text: string) => ({ owner: 'other' as const, problems: [text] });
  if (survey.remoteEngine)
    return problem('the Docker Engine at DOCKER_HOST does not answer: start it, or unset DOCKER_HOST');
  if (!survey.dockerd)
    return problem(`the Docker Engine is not installed (Debian's package is docker.io): ${install}`);
  if (!survey.root) return problem('the Docker Engine does not run: start it (sudo systemctl start docker)');
  return { owner: survey.systemd ? 'systemd' : 'supervisor', problems: [] };
}

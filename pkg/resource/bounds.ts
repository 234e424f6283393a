/**
 * The bounds of what users may write. Every list and text has one, so that no single request can weigh down the store,
 * the control plane or an executor; each is named in the message of the error it causes.
 */

/** Names and values of a release's config together. */
export const MAX_CONFIG_BYTES = 256 * 1024;
/** One `NAME=value`; the kernel starts no process with a longer one (MAX_ARG_STRLEN, 128 KiB with the final NUL). */
export const MAX_VARIABLE_BYTES = 128 * 1024 - 1;
export const MAX_VARIABLE_NAME = 256;
/** A whole release, encoded; half of what one transaction of the store takes. */
export const MAX_RELEASE_BYTES = 512 * 1024;

export const MAX_PROCESSES = 100;
export const MAX_PORTS = 16;
export const MAX_COMMAND_ARGS = 256;
export const MAX_COMMAND_BYTES = 32 * 1024;
export const MAX_REQUIREMENTS = 16;
export const MAX_EXPRESSION_LENGTH = 1_024;
export const MAX_GRACE_MS = 3_600_000;
export const MAX_DRAIN_MS = 3_600_000;
export const MAX_VOLUMES = 16;
export const MAX_VOLUME_PATH = 1_024;
export const MAX_NEEDS = 100;
/** Options of an auxiliary service, and the length of each, of its URL and of its version. */
export const MAX_OPTIONS = 64;
export const MAX_OPTION_LENGTH = 4_096;
export const MAX_URL_LENGTH = 2_048;
export const MAX_VERSION_LENGTH = 128;

/** Of a formation: scaling rules, shares and imports, each; and the formations that one share is for. */
export const MAX_FORMATION_ENTRIES = 1_000;
export const MAX_SHARED_WITH = 1_000;
export const MAX_PERCENT = 100_000;
export const MAX_REQUESTS_PER_SECOND = 1_000_000;
export const MAX_LATENCY_MS = 3_600_000;

export const MAX_CRON_CATCH_UP_MS = 86_400_000;
export const MAX_CRON_JOBS = 100;
export const MAX_CRON_DEADLINE_MS = 7 * 86_400_000;

/** Below a hundredth of a processor the kernel's quota cannot be kept to. */
export const MIN_CPU_MILLIS = 10;
export const MAX_CPU_MILLIS = 1_024_000;
/** The least that Docker accepts. */
export const MIN_MEMORY_BYTES = 6n * 1024n ** 2n;
export const MAX_MEMORY_BYTES = 64n * 1024n ** 4n;
/** A shell, its child and Docker's init need this much to start at all. */
export const MIN_PIDS = 8;
export const MAX_PIDS = 4_194_304;

export const MIN_HEALTH_INTERVAL_MS = 100;
export const MAX_HEALTH_INTERVAL_MS = 3_600_000;
export const MIN_HEALTH_TIMEOUT_MS = 10;
export const MAX_HEALTH_TIMEOUT_MS = 600_000;
export const MAX_FAILURE_THRESHOLD = 100;
export const MAX_HTTP_PATH = 2_048;

/** The highest limit that a formation may be given. */
export const MAX_INSTANCES = 100_000;

export const MAX_LABELS = 64;
export const MAX_LABEL_KEY = 128;
export const MAX_LABEL_VALUE = 256;

export const MAX_MESSAGE_LENGTH = 4_096;
export const MAX_AUTHOR_LENGTH = 256;

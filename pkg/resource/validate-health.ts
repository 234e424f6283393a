import type { HealthCheck, Port } from '../gen/gilliam/v1/release';
import {
  MAX_FAILURE_THRESHOLD,
  MAX_HEALTH_INTERVAL_MS,
  MAX_HEALTH_TIMEOUT_MS,
  MAX_HTTP_PATH,
  MIN_HEALTH_INTERVAL_MS,
  MIN_HEALTH_TIMEOUT_MS,
} from './bounds';
import { quote } from './names';
import { checkCommand } from './validate-command';
import type { Violations } from './violations';

/** Checks one process's health check. `what` begins the messages: `process web`. */
export function checkHealth(
  health: HealthCheck,
  ports: readonly Port[],
  at: { readonly what: string; readonly field: string; readonly found: Violations },
): void {
  const { what, field, found } = at;
  const check = health.check;
  switch (check?.$case) {
    case undefined:
      found.add(field, `${what}: health check says nothing to check: give http, tcp or command`);
      break;
    case 'http':
      checkPort(check.value.port, ports, { what, field: `${field}.http.port`, found });
      found.require(
        /^\/[\x21-\x7e]*$/.test(check.value.path) && check.value.path.length <= MAX_HTTP_PATH,
        `${field}.http.path`,
        () =>
          `${what}: health check path ${quote(check.value.path)} is not allowed: begin with /, without spaces, at most ${MAX_HTTP_PATH} characters`,
      );
      break;
    case 'tcp':
      checkPort(check.value.port, ports, { what, field: `${field}.tcp.port`, found });
      break;
    case 'command':
      found.require(
        check.value.command.length > 0,
        `${field}.command.command`,
        () => `${what}: health check command is empty: give the program to run`,
      );
      checkCommand(check.value.command, { ...at, field: `${field}.command.command` });
  }
  // 0 stands for the default.
  const ms = (value: number): string => `${value.toLocaleString('en-US')} ms`;
  if (health.intervalMs !== 0) {
    found.range(
      health.intervalMs,
      { least: MIN_HEALTH_INTERVAL_MS, most: MAX_HEALTH_INTERVAL_MS },
      `${field}.interval_ms`,
      { what: `${what}: health check interval`, show: ms },
    );
  }
  if (health.timeoutMs !== 0) {
    found.range(
      health.timeoutMs,
      { least: MIN_HEALTH_TIMEOUT_MS, most: MAX_HEALTH_TIMEOUT_MS },
      `${field}.timeout_ms`,
      { what: `${what}: health check timeout`, show: ms },
    );
  }
  found.range(
    health.failureThreshold,
    { least: 0, most: MAX_FAILURE_THRESHOLD },
    `${field}.failure_threshold`,
    { what: `${what}: health check failure threshold` },
  );
}

function checkPort(
  port: number,
  ports: readonly Port[],
  at: { readonly what: string; readonly field: string; readonly found: Violations },
): void {
  if (port === 0) {
    at.found.require(
      ports.length > 0,
      at.field,
      () =>
        `${at.what}: health check needs a port, and the process has none: give it a port, or check by command`,
    );
    return;
  }
  at.found.require(
    ports.some(({ containerPort }) => containerPort === port),
    at.field,
    () =>
      `${at.what}: health check is for port ${port}, which is not a port of the process: it has ${ports.map(({ containerPort }) => containerPort).join(', ') || 'none'}`,
  );
}

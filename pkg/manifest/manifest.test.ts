import { desiredOf } from './testing';

const web = (more: string) => `processes:\n  web:\n    script: serve\n${more}`;

describe('what is read', () => {
  test('the original’s form', () => {
    const { release } = desiredOf('processes:\n  www: {script: python web.py, ports: [80]}\n');
    expect(release?.processes).toMatchObject({
      www: {
        command: ['/bin/sh', '-c', 'exec python web.py'],
        ports: [{ name: '', containerPort: 80 }],
        health: { check: { $case: 'tcp' } },
      },
    });
  });

  test('variables are text as it is written', () => {
    const { release } = desiredOf(
      web("    env: {A: 1.10, B: true, C: 0x1f, D: '', E: 2001-01-01}\nconfig: {F: 1e3}"),
    );
    expect(release?.processes.web?.env).toEqual({ A: '1.10', B: 'true', C: '0x1f', D: '', E: '2001-01-01' });
    expect(release?.config).toEqual({ F: '1e3' });
  });

  test('anchors, aliases and merge keys', () => {
    const { release, factors } = desiredOf(
      `x-small: &small\n  resources: {cpu: 0.25}\n  scale: 2\nprocesses:\n  web: {<<: *small, script: a, scale: 3}\n  api: {<<: [*small, {script: b}]}\n`,
    );
    expect(factors).toEqual({ web: 3, api: 2 });
    expect(release?.processes.web?.resources?.cpuMillis).toBe(250);
    expect(release?.processes.api?.command).toEqual(['/bin/sh', '-c', 'exec b']);
  });

  test('names that every object inherits are names like any other', () => {
    const { release, factors } = desiredOf('processes:\n  constructor: {script: a, scale: 2}\n');
    expect(release?.processes.constructor).toMatchObject({ command: ['/bin/sh', '-c', 'exec a'] });
    expect(factors.constructor).toBe(2);
  });

  test('a factor that is a rule is left to the autoscaler', () => {
    const { factors, formation } = desiredOf(
      web('    scale: {min: 0, max: 20, target: {cpu: 60%, rps: 100, p95: 200ms}}'),
    );
    expect(factors).toEqual({});
    expect(formation?.scaling).toEqual({
      web: {
        min: 0,
        max: 20,
        target: { cpuPercent: 60, memoryPercent: 0, requestsPerSecond: 100, p95Ms: 200 },
      },
    });
  });

  test('routes by pattern and by name', () => {
    const { routes } = desiredOf(
      `${web('')}routes:\n  shop.example/: web\n  old: {pattern: 'old.example/{rest:.*}', redirect: {location: 'https://shop.example/{rest}', code: 301}}\n  beta: {pattern: shop.example/, target: v2.web, headers: {X-Beta: true}, rate_limit: 5/10s, sticky: true}\n`,
    );
    expect(routes.map(({ metadata, spec }) => [metadata?.name, spec?.pattern, spec?.target])).toEqual([
      ['shop-example', 'shop.example/', 'web.shop.service'],
      ['old', 'old.example/{rest:.*}', ''],
      ['beta', 'shop.example/', 'v2.web.shop.service'],
    ]);
    expect(routes[2]?.spec).toMatchObject({
      headers: [{ name: 'X-Beta', match: { $case: 'present', value: true } }],
      rateLimit: { requests: 5, periodMs: 10_000 },
      sticky: { cookie: '' },
    });
  });

  test('a name of one’s own in needs is the service that it stands for', () => {
    const { release, formation } = desiredOf(web('    needs: [users]\nimports: {users: web.accounts}'));
    expect(release?.processes.web?.needs).toEqual(['web.accounts']);
    expect(formation?.imports).toEqual({ users: 'web.accounts' });
  });

  test('a rollout', () => {
    const { rollout } = desiredOf(
      `${web('')}rollout: {rate: 2/s, surge: 3, wait_healthy: 30s, canary: {percent: 10%, traffic: 5%}, gates: {max_errors: 2%}}`,
    );
    expect(rollout).toMatchObject({
      paceMs: 500,
      surge: 3,
      waitHealthyMs: 30_000,
      canary: { size: { $case: 'percent', value: 10 }, trafficPercent: 5 },
      gates: { maxErrorPercent: 2 },
    });
  });

  test('the same text makes the same wish', () => {
    const text = `${web('    env: {B: 1, A: 2}\n')}auxiliary: {_c: {type: redis}}\n`;
    expect(desiredOf(text)).toEqual(desiredOf(text));
  });
});

import { hostBuildArgs, hostCaBundle } from './host-settings';

const pem = (name: string) => `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----`;

function reader(files: Readonly<Record<string, string>>) {
  return async (path: string): Promise<string> => {
    const text = files[path];
    if (text === undefined) throw new Error('ENOENT');
    return text;
  };
}

describe('hostCaBundle', () => {
  const system = '/etc/ssl/certs/ca-certificates.crt';

  it.each<[string, Record<string, string>, Record<string, string>, readonly string[]]>([
    ['the distribution', {}, { [system]: `# a comment\n${pem('A')}\n${pem('B')}\n` }, ['A', 'B']],
    ['SSL_CERT_FILE instead', { SSL_CERT_FILE: '/own' }, { '/own': pem('C'), [system]: pem('A') }, ['C']],
    [
      'NODE_EXTRA_CA_CERTS as well',
      { NODE_EXTRA_CA_CERTS: '/x' },
      { '/x': pem('C') + pem('A'), [system]: pem('A') },
      ['A', 'C'],
    ],
    ['the distribution where a file is missing', { SSL_CERT_FILE: '/gone' }, { [system]: pem('A') }, ['A']],
  ])('takes those of %s', async (_what, env, files, names) => {
    expect(await hostCaBundle(env, reader(files))).toBe(`${names.map(pem).join('\n')}\n`);
  });

  it('takes no private key along, and nothing where there is nothing', async () => {
    const key = '-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n';
    expect(await hostCaBundle({}, reader({ [system]: key + pem('A') }))).not.toContain('secret');
    expect(await hostCaBundle({ SSL_CERT_FILE: '/key' }, reader({ '/key': key }))).toBeUndefined();
  });
});

describe('hostBuildArgs', () => {
  it('takes the proxy variables, as they are written', () => {
    expect(hostBuildArgs({ HTTP_PROXY: 'a', https_proxy: 'b', no_proxy: '', PATH: '/bin' })).toEqual({
      HTTP_PROXY: 'a',
      https_proxy: 'b',
    });
  });
});

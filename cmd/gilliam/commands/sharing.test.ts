import { CliHarness } from '../testing/cli-harness';

let cli: CliHarness;
beforeEach(async () => {
  cli = await CliHarness.start();
  for (const name of ['shop', 'blog'])
    await cli.api.client.formations.createFormation({ formation: { metadata: { name } } });
});
afterEach(() => cli.close());

const gilliam = (line: string) => cli.gilliam(line);
const sharesOf = async () => {
  const { formation } = await cli.api.client.formations.getFormation({ name: 'formations/shop' });
  return Object.fromEntries(
    Object.entries(formation?.spec?.shares ?? {}).map(([name, share]) => [name, share.with]),
  );
};

describe('share and unshare', () => {
  test('add and take away formations', async () => {
    const shared = await gilliam('share _cache --with blog --formation shop');
    expect(shared).toMatchObject({ stdout: '_cache is shared with blog\n', stderr: '' });
    const early = await gilliam('share _cache --with news --with blog --formation shop');
    expect(early.stdout).toBe('_cache is shared with blog, news\n');
    // Whoever is to use it may be made later.
    expect(early.stderr).toMatch(/^warning: --with: .*"news" does not exist[^\n]*\n$/);
    expect(await sharesOf()).toEqual({ _cache: ['blog', 'news'] });
    expect((await gilliam('share _cache --with news --formation shop')).stdout).toContain('already');
    expect((await gilliam('unshare _cache --with news --formation shop')).stdout).toBe(
      '_cache is shared with blog only\n',
    );
    expect((await gilliam('unshare _cache --formation shop')).stdout).toBe("_cache is shop's own\n");
    expect(await sharesOf()).toEqual({});
    expect((await gilliam('unshare _cache --formation shop')).stdout).toContain('nothing to do');
  });

  test('--plan changes nothing', async () => {
    expect((await gilliam('share _cache --with blog --formation shop --plan')).stdout).toBe(
      'would share _cache with blog\n',
    );
    expect(await sharesOf()).toEqual({});
  });

  test.each([
    ['share _cache --formation shop', 2],
    ['share _cache --with Blog --formation shop', 1],
  ])('%s is refused', async (line, code) => {
    expect(await gilliam(line)).toMatchObject({ code, stdout: '' });
  });
});

describe('import and imports', () => {
  test('give names, list them, and forget them', async () => {
    await gilliam('share _cache --with blog --formation shop');
    const imported = await gilliam('import users=web.shop store=_cache.shop --formation blog');
    expect(imported.stdout).toBe('imported web.shop as users\nimported _cache.shop as store\n');
    expect((await gilliam('imports --formation blog')).stdout).toBe('store\t_cache.shop\nusers\tweb.shop\n');
    expect((await gilliam('import --remove users --formation blog')).stdout).toBe('forgot users\n');
    expect(JSON.parse((await gilliam('imports --json --formation blog')).stdout)).toEqual({
      store: '_cache.shop',
    });
  });

  test.each([
    ['import --formation blog', 2, /nothing is to be imported/],
    ['import users --formation blog', 2, /"users" is not NAME=SERVICE.FORMATION/],
    ['import a=web.shop a=api.shop --formation blog', 2, /a is given twice/],
    ['import users=web --formation blog', 1, /which is no service/],
    ['import store=_cache.shop --formation blog', 1, /gilliam share _cache --with blog --formation shop/],
    ['import users=web.blog --formation blog', 1, /blog's own/],
  ])('%s is refused', async (line, code, message) => {
    const outcome = await gilliam(line);
    expect(outcome).toMatchObject({ code, stdout: '' });
    expect(outcome.stderr).toMatch(message);
  });
});

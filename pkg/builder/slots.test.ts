import { Slots } from './slots';

const never = new AbortController().signal;

describe('Slots', () => {
  it('lets so many in, and the others in their order', async () => {
    const slots = new Slots(2);
    const first = await slots.take(never);
    const second = await slots.take(never);
    expect(slots.full).toBe(true);
    const order: string[] = [];
    const third = slots.take(never).then((release) => (order.push('third'), release));
    const fourth = slots.take(never).then((release) => (order.push('fourth'), release));
    first();
    (await third)();
    (await fourth)();
    second();
    expect(order).toEqual(['third', 'fourth']);
    expect(slots.full).toBe(false);
  });

  it('gives up its place when cancelled', async () => {
    const slots = new Slots(1);
    const first = await slots.take(never);
    const controller = new AbortController();
    const cancelled = slots.take(controller.signal);
    const next = slots.take(never);
    controller.abort(new Error('the caller left'));
    await expect(cancelled).rejects.toThrow('the caller left');
    first();
    (await next)();
    await expect(slots.take(AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
    expect(slots.full).toBe(false);
  });
});

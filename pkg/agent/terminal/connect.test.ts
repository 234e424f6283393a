import { silentLogger } from '../../base/log';
import { TerminalWanted } from '../../gen/gilliam/v1/session_service';
import { FakeTerminal } from '../../testing/fake-terminal';
import { Attachment } from './attachment';
import { connect } from './connect';

const attachment = () => new Attachment(TerminalWanted.fromPartial({ stream: 's1', uid: 'u1' }));

test('the exit code is taken from whoever knows it first, after all that was printed', async () => {
  const terminal = new FakeTerminal();
  // An engine that is still clearing up behind the command.
  jest.spyOn(terminal, 'exit').mockReturnValue(new Promise(() => {}));
  let code: number | undefined;
  const connected = connect(attachment(), terminal, silentLogger, Promise.resolve(7)).then(
    (told) => (code = told),
  );
  await terminal.print('the last line\n');
  await new Promise((resolve) => setImmediate(resolve));
  expect(code).toBeUndefined();
  terminal.finish(1);
  expect(await connected).toBe(7);
});

test('without anybody who knows it sooner the terminal is asked', async () => {
  const terminal = new FakeTerminal();
  const connected = connect(attachment(), terminal, silentLogger, new Promise(() => {}));
  terminal.finish(3);
  expect(await connected).toBe(3);
});

import { SystemClock } from '../base/clock';
import { PreconditionError } from '../base/errors';
import { SystemNft } from './nft';

// The daemon goes on without virtual IPs after a PreconditionError, and ends after any other.
test.each([
  ['that is not there', '/nonexistent/nft', 'is not there: install nftables'],
  ['that may not be run', '/dev/null', 'is not executable: install nftables'],
])('a program %s is a precondition that is not met', async (_, program, message) => {
  const nft = new SystemNft({ clock: new SystemClock(), command: [program] });
  const asked = nft.hasTable('gilliam_test');
  await expect(asked).rejects.toThrow(PreconditionError);
  await expect(asked).rejects.toThrow(message);
});

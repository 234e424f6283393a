import type { ApiServer } from '../../pkg/api/server';
import { sleep } from '../../pkg/base/clock';
import { messageOf } from '../../pkg/base/errors';
import { renewApiCertificate } from '../../pkg/stage/api-certificate';
import { apiTls } from '../../pkg/stage/api-endpoint';
import type { Daemon } from '../../pkg/stage/daemon';

const checkMs = 3_600_000;

/**
 * Shows the certificate's successor once there is one: made here two months before its end, where the stage's authority
 * is at hand, else put into its place by others. Until the signal aborts.
 */
export async function keepCertificate(
  api: Pick<ApiServer, 'renew'>,
  { clock, log, signal, setting }: Pick<Daemon, 'clock' | 'log' | 'signal' | 'setting'>,
): Promise<void> {
  let shown = apiTls(setting)?.certificate;
  if (shown === undefined) return;
  const caKey = setting('GILLIAM_CA_KEY_FILE', '');
  const files = {
    ...{ caKey, ca: setting('GILLIAM_CA_FILE', '') },
    certificate: setting('GILLIAM_TLS_CERTIFICATE_FILE'),
    key: setting('GILLIAM_TLS_KEY_FILE'),
  };
  while (!signal.aborted) {
    try {
      if (caKey !== '') await renewApiCertificate(files, new Date(clock.now()));
      const tls = apiTls(setting);
      if (tls && tls.certificate !== shown) {
        api.renew(tls);
        shown = tls.certificate;
        log.info('certificate renewed');
      }
    } catch (error) {
      log.warn('certificate not renewed', { error: messageOf(error) });
    }
    await sleep(clock, checkMs, signal).catch(() => {});
  }
}

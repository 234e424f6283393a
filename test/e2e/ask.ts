import { Agent, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface Question {
  readonly method?: string;
  /** `Host` may be among them, which `fetch` does not let anybody say. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs?: number;
}

/** One request over a connection of its own. */
export function ask(url: string, question: Question = {}): Promise<Answer> {
  const { method = 'GET', headers, body, timeoutMs = 10_000 } = question;
  const startMs = performance.now();
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => {
      const host = headers?.host === undefined ? '' : ` (${headers.host})`;
      const after = `after ${Math.round(performance.now() - startMs)} ms`;
      reject(new Error(`${method} ${url}${host}: ${cause.message} ${after}`, { cause }));
    };
    const agent = new Agent();
    const sent = request(url, { method, headers, agent, timeout: timeoutMs }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (data: string) => (text += data));
      response.on('error', fail);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer')));
    sent.on('error', fail);
    sent.end(body);
  });
}

/** Which instances have answered so many requests, and how often. */
export async function whoAnswers(
  url: string,
  headers: Readonly<Record<string, string>>,
  times: number,
): Promise<Readonly<Record<string, number>>> {
  const answers: Record<string, number> = {};
  for (let count = 0; count < times; count++) {
    const { status, body } = await ask(url, { headers });
    if (status !== 200) {
      throw new Error(`${url}, request ${count + 1} of ${times}: ${status} ${body.trim()}`);
    }
    const { instance } = JSON.parse(body) as { instance: string };
    answers[instance] = (answers[instance] ?? 0) + 1;
  }
  return answers;
}

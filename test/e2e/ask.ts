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
  return new Promise((resolve, reject) => {
    const agent = new Agent();
    const sent = request(url, { method, headers, agent, timeout: timeoutMs }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (data: string) => (text += data));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer of ${url} in ${timeoutMs} ms`)));
    sent.on('error', reject);
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
    if (status !== 200) throw new Error(`${url}: ${status} ${body}`);
    const { instance } = JSON.parse(body) as { instance: string };
    answers[instance] = (answers[instance] ?? 0) + 1;
  }
  return answers;
}

import { parseRequestHead, parseResponseHead } from './head';
import { endsWithResponse, keptForMs, staysOpen } from './persistence';

it.each<[string, boolean]>([
  ['1.1', false],
  ['1.1\r\nConnection: keep-alive', false],
  ['1.1\r\nConnection: close', true],
  ['1.1\r\nConnection: TE, Close', true],
  ['1.1\r\nConnection: TE\r\nConnection: close', true],
  ['1.1\r\nConnection: close-not', false],
  ['1.0', true],
  ['1.0\r\nConnection: keep-alive', true],
])('a caller of HTTP/%j: its connection ends with the response: %s', (rest, ends) => {
  expect(endsWithResponse(parseRequestHead(`GET http://web.shop.service/ HTTP/${rest}`))).toBe(ends);
});

const response = (rest: string) => {
  const [version, ...fields] = rest.split('\r\n');
  return parseResponseHead([`HTTP/${version} 200 OK`, ...fields].join('\r\n'));
};

it.each<[string, boolean]>([
  ['1.1', true],
  ['1.1\r\nConnection: close', false],
  ['1.1\r\nConnection: x, CLOSE', false],
  ['1.0', false],
  ['1.0\r\nConnection: Keep-Alive', true],
])('an endpoint of HTTP/%j: its connection takes another request: %s', (rest, stays) => {
  expect(staysOpen(response(rest))).toBe(stays);
});

it.each<[string, number | undefined]>([
  ['1.1', undefined],
  ['1.1\r\nKeep-Alive: timeout=5', 4_000],
  ['1.1\r\nKeep-Alive: max=100, timeout=72', 71_000],
  ['1.1\r\nKeep-Alive: timeout=1', 0],
  ['1.1\r\nKeep-Alive: idletimeout=5', undefined],
  ['1.1\r\nKeep-Alive: timeout=x', undefined],
])('an endpoint of HTTP/%j keeps it for %s ms', (rest, ms) => {
  expect(keptForMs(response(rest))).toBe(ms);
});

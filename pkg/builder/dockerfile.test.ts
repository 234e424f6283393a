import { readDockerfile } from './dockerfile';

describe('readDockerfile', () => {
  it.each<[string, string, number[]]>([
    ['nothing', 'FROM x', []],
    ['a port', 'FROM x\nEXPOSE 8080', [8080]],
    ['protocols', 'FROM x\nEXPOSE 80/tcp 53/udp\nexpose 443/TCP', [80, 443]],
    ['a range', 'FROM x\nEXPOSE 3000-3002', [3000, 3001, 3002]],
    ['a port twice', 'FROM x\nEXPOSE 80 80/tcp', [80]],
    ['comments and continued lines', 'FROM x\n# EXPOSE 1\nEXPOSE 80 \\\n  # not this\n  81\n', [80, 81]],
    ['another escape', '# escape=`\nFROM x\nEXPOSE 80 `\n 81\n', [80, 81]],
    ['the last stage only', 'FROM x AS build\nEXPOSE 1\nFROM y\nEXPOSE 2', [2]],
    ['a stage that the last one is made from', 'FROM x AS base\nEXPOSE 1\nFROM base\nEXPOSE 2', [1, 2]],
    [
      'variables',
      'FROM x\nARG P=3000\nENV Q=4000 R="5000"\nENV S 6000\nEXPOSE $P ${Q} $R ${S} ${T:-7000}',
      [3000, 4000, 5000, 6000, 7000],
    ],
    ['a global argument', 'ARG PORT=80\nFROM x\nARG PORT\nEXPOSE $PORT', [80]],
    ['a variable without a value', 'FROM x\nEXPOSE $PORT', []],
    ['CRLF', 'FROM x\r\nEXPOSE 80\r\n', [80]],
    ['no port', 'FROM x\nEXPOSE 0 70000 http', []],
    ['options of FROM', 'FROM --platform=linux/amd64 x AS a\nEXPOSE 1\nFROM a', [1]],
  ])('%s', (_name, text, ports) => {
    expect(readDockerfile(text).ports).toEqual(ports);
  });
});
